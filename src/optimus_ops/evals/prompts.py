"""Prompts as a candidate or a baseline has them: rendered by the project's own program."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from optimus_ops.errors import OpsError, Refused
from optimus_ops.evals.model import Case, Message
from optimus_ops.system.process import CommandFailed, run

GIT_SECONDS = 60.0
RENDER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class RenderedCase:
    """A case as it is sent: the prompt's text is the first message. Without messages the prompts are too old for it."""

    case: Case
    messages: tuple[Message, ...]
    prompt_version: str = ""

    @property
    def can_be_sent(self) -> bool:
        """Whether these prompts have what the case asks for."""
        return bool(self.messages)


def render_cases(
    renderer: Sequence[str], folder: Path, cases: Sequence[Case], *, older: bool = False
) -> list[RenderedCase]:
    """Render the prompts of all cases.

    Args:
        renderer: program that renders them.
        folder: of the prompts.
        cases: of the suites as they are now.
        older: the prompts are those of another commit, which need not have what newer cases ask for.

    Raises:
        Refused: a case's prompt or a variable of it doesn't exist, or a prompt can't be read.
    """
    prompted = [case for case in cases if case.prompt]
    answers = iter(_rendered(renderer, folder, prompted))
    rendered = []
    for case in cases:
        if not case.prompt:
            rendered.append(RenderedCase(case, case.messages))
            continue
        answer = next(answers)
        if "error" in answer:
            if older:
                rendered.append(RenderedCase(case, ()))
                continue
            raise Refused(f"{case.place}: {answer['error']}")
        system = Message("system", answer["text"])
        rendered.append(RenderedCase(case, (system, *case.messages), answer["version"]))
    return rendered


def _rendered(renderer: Sequence[str], folder: Path, cases: Iterable[Case]) -> list[dict[str, str]]:
    asked = [
        {"prompt": case.prompt, "tenant": case.tenant, "locale": case.locale, "variables": dict(case.variables)}
        for case in cases
    ]
    if not asked:
        return []
    lines = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in asked)
    try:
        done = subprocess.run(
            [*renderer, str(folder)], input=lines, capture_output=True, text=True, timeout=RENDER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpsError(f"prompts can't be rendered: {error}") from error
    if done.returncode:
        raise Refused(f"prompts can't be rendered: {done.stderr.strip()}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(asked):
        raise OpsError(f"{renderer[0]} answered {len(answers)} of {len(asked)} prompts: {done.stderr.strip()}")
    return answers


@contextmanager
def prompts_at(root: Path, folder: Path, reference: str) -> Iterator[Path]:
    """Give the folder of the prompts as a commit has it; of a branch that is only the remote's, as that has it.

    Raises:
        Refused: there is no such commit, or it has no prompts.
    """
    inside = folder.relative_to(root).as_posix()
    commit = _commit(root, reference) or _commit(root, f"origin/{reference}")
    if not commit:
        raise Refused(f"--baseline {reference}: no such commit or file", "fetch it first: git fetch")
    with TemporaryDirectory(prefix="optimus-prompts-") as target:
        archive = subprocess.run(
            ["git", "-C", str(root), "archive", "--format=tar", commit, "--", inside],
            capture_output=True, timeout=GIT_SECONDS, check=False,
        )  # fmt: skip
        if archive.returncode:
            raise Refused(f"--baseline {reference}: it has no {inside}")
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(target, filter="data")
        yield Path(target) / inside


def _commit(root: Path, reference: str) -> str:
    """Return the commit of a reference; "" where there is none."""
    words = ["git", "-C", str(root), "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}"]
    try:
        return run(words, deadline=GIT_SECONDS).stdout.strip()
    except CommandFailed:
        return ""
