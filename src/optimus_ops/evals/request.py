"""What is to be evaluated, as the command line says it, and what that comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.commandline.usage import near
from optimus_ops.errors import Refused
from optimus_ops.evals.model import Suite
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint
from optimus_ops.evals.suite_file import MOST_CASES, read_suite, suite_files

BASELINE_BRANCH = "main"
DOCUMENT = "llm-eval.json"
"""The document among the files of a report."""


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """The flags of `llm-eval`.

    Args:
        prompt: a file that takes the place of the prompt of its name, or a folder of prompts; "" for the checkout's.
        baseline: commit or branch whose prompts the candidate is compared with, or the report of an earlier run; "" for
            none, and for main with a gate.
        budget: US dollars; None for no bound.
        report: folder; "" for none.
    """

    suites: tuple[str, ...] = ()
    model: str = ""
    prompt: str = ""
    baseline: str = ""
    repeats: int = 1
    workers: int = 8
    budget: float | None = None
    gate: bool = False
    report: str = ""
    plan: bool = False

    @property
    def compared_with(self) -> str:
        """What is compared with."""
        return self.baseline or (BASELINE_BRANCH if self.gate else "")

    @property
    def baseline_report(self) -> Path | None:
        """The report of an earlier run that is compared with: its folder or its JSON file; None for a commit."""
        path = Path(self.baseline)
        return path if self.baseline and (path.is_file() or (path / DOCUMENT).is_file()) else None

    @property
    def baseline_commit(self) -> str:
        """The commit that is compared with; "" for a report, and for none."""
        return "" if self.baseline_report else self.compared_with


def check_budget(budget: float | None, endpoint: ModelEndpoint) -> None:
    """Raise `Refused` where nobody knows what the endpoint costs, so that no budget could be kept."""
    if budget is not None and endpoint.prices is None and not endpoint.recording and not endpoint.program:
        raise Refused(
            f"--budget {budget:g}: what {endpoint.model} costs is not known, so no budget can be kept",
            "name its prices: docs/llm-eval.md",
        )


def chosen_suites(names: Sequence[str], platform: EvalPlatform, root: Path) -> tuple[Suite, ...]:
    """Read the suites of these names, all of them where none is named.

    Raises:
        Refused: there is no such suite, or something in one is wrong.
    """
    known = suite_files(platform.suites, [each.recording for each in platform.models.values() if each.recording])
    if not known:
        raise Refused(f"no suites in {platform.suites}", "write one: docs/llm-eval.md")
    for name in names:
        if name not in known:
            raise Refused(f"--suite {name}: no such suite", near(name, known, f"there are: {', '.join(known)}"))
    suites: list[Suite] = []
    for name in dict.fromkeys(names or known):
        suites.append(read_suite(known[name], root))
        # Each case takes some kilobytes until the report is written.
        if sum(len(suite.cases) for suite in suites) > MOST_CASES:
            raise Refused(f"more than {MOST_CASES:,} cases in one run", "run suites one after the other with --suite")
    return tuple(suites)
