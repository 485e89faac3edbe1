"""Which prompts differ between both sides."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.evals.candidate import candidate_prompts
from optimus_ops.evals.platform import EvalPlatform
from optimus_ops.evals.prompts import prompts_at
from optimus_ops.evals.request import EvalRequest

SUFFIXES = frozenset({".md", ".yaml"})


@dataclass(frozen=True, slots=True)
class PromptChange:
    """A file of the prompts as both sides have it; "" where a side has none."""

    file: str
    baseline: str
    candidate: str


def prompt_changes(request: EvalRequest, platform: EvalPlatform, root: Path) -> tuple[PromptChange, ...]:
    """Return the files of prompts that differ from the baseline's; none where no commit is compared.

    Raises:
        Refused: there is no such baseline or prompt.
    """
    if not request.baseline_commit:
        return ()
    with ExitStack() as folders:
        theirs = _texts(folders.enter_context(prompts_at(root, platform.prompts, request.baseline_commit)))
        ours = _texts(folders.enter_context(candidate_prompts(platform.prompts, request.prompt)))
    both = {file: (theirs.get(file, ""), ours.get(file, "")) for file in sorted({*theirs, *ours})}
    return tuple(PromptChange(file, *sides) for file, sides in both.items() if sides[0] != sides[1])


def _texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8", "replace")
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES and path.is_file()
    }
