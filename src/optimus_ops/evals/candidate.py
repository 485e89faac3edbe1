"""The candidate's prompts: those of the checkout, of another folder, or with one file in the place of another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from optimus_ops.errors import Refused

SUFFIX = ".md"


@contextmanager
def candidate_prompts(folder: Path, prompt: str) -> Iterator[Path]:
    """Give the folder of the candidate's prompts; `prompt` is that of `--prompt`.

    Raises:
        Refused: there is no such file or folder, or the file takes the place of none.
    """
    chosen = Path(prompt)
    if not prompt:
        yield folder
        return
    if chosen.is_dir():
        yield chosen
        return
    if not chosen.is_file():
        raise Refused(f"--prompt {prompt}: no such file or folder")
    target = _replaced(chosen, folder, prompt)
    with TemporaryDirectory(prefix="optimus-prompts-") as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        shutil.copyfile(chosen, Path(copy) / target)
        yield Path(copy)


def _replaced(chosen: Path, folder: Path, prompt: str) -> Path:
    """Return the file, from the folder of prompts, that has the end of its path in common: answer-message/pt-BR.md."""
    files = [path.relative_to(folder) for path in sorted(folder.rglob(f"*{SUFFIX}"))]
    parts = chosen.resolve().parts
    found = [file for file in files if parts[-len(file.parts) :] == file.parts]
    if not found:
        known = ", ".join(str(file) for file in files[:6])
        raise Refused(f"--prompt {prompt}: it takes the place of no prompt", f"its path ends like one of: {known}")
    return max(found, key=lambda file: len(file.parts))
