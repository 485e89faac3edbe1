"""What is to be evaluated, as the command line says it, and what that comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.commandline.usage import near
from optimus_ops.errors import Refused
from optimus_ops.evals.model import Suite
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint
from optimus_ops.evals.suite_file import read_suite

BASELINE_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """The flags of `llm-eval`.

    Args:
        prompt: a file that takes the place of the prompt of its name, or a folder of prompts; "" for the checkout's.
        baseline: commit or branch whose prompts the candidate is compared with; "" for none, and for main with a gate.
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
        """The commit that is compared with."""
        return self.baseline or (BASELINE_BRANCH if self.gate else "")


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
    known = {path.stem: path for path in sorted(platform.suites.glob("*.yaml"))}
    if not known:
        raise Refused(f"no suites in {platform.suites}", "write one: docs/llm-eval.md")
    for name in names:
        if name not in known:
            raise Refused(f"--suite {name}: no such suite", near(name, known, f"there are: {', '.join(known)}"))
    return tuple(read_suite(known[name], root) for name in dict.fromkeys(names or known))
