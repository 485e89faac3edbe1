"""The folders of local runs: made, tidied up after a run, and removed when newer ones are enough."""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEPT_RUNS = 20
REPORT = "ci-run"
"""Name of the files of a run's report."""
ABANDONED_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class RunFolder:
    """The folders of one run.

    Args:
        path: the run's own: checkout, log, report.
        home: the home folder of all runs: caches stay in it.
        artifacts: what steps upload.
    """

    run_id: str
    path: Path
    home: Path
    artifacts: Path

    @property
    def checkout(self) -> Path:
        """The clean clone."""
        return self.path / "checkout"

    @property
    def workflow(self) -> Path:
        """The workflow as act gets it: with the steps for its services, which are no part of the checkout."""
        return self.path / "workflow.yml"

    @property
    def others(self) -> Path:
        """The clean clones of folders that stand for other repositories."""
        return self.path / "others"

    @property
    def replacements(self) -> Path:
        """The folders of actions that don't run here."""
        return self.path / "not-run"

    @property
    def workspaces(self) -> Path:
        """Where act puts the copy of the checkout that each job works in."""
        return self.path / "workspaces"

    @property
    def shells(self) -> Path:
        """Shells of steps that failed, which wait until their output was read."""
        return self.path / "shells"

    @property
    def log(self) -> Path:
        """The whole output of act, a JSON object a line."""
        return self.path / "act.jsonl"

    def tidy(self) -> None:
        """Remove what only the run itself needed; log, report and artifacts stay."""
        for path in (
            self.workspaces,
            self.checkout,
            self.others,
            self.replacements,
            self.shells,
            self.path / "artifact-server",
        ):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.workflow, self.path / "empty"):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.artifacts.rmdir()

    def discard(self) -> None:
        """Remove all of a run that did not begin."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self.artifacts, ignore_errors=True)


def make_run_folder(state: Path) -> RunFolder:
    """Make the folders of a new run below the project's folder of state."""
    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder = RunFolder(run_id, state / "ci" / run_id, state / "ci" / "home", state / "artifacts" / run_id)
    for path in (folder.path, folder.home, folder.artifacts):
        path.mkdir(parents=True, exist_ok=True)
    (folder.path / "empty").touch()
    return folder


def remove_old_runs(state: Path, now: float, keep: int = KEPT_RUNS) -> tuple[str, ...]:
    """Remove all but the newest runs, with their artifacts, and return their ids; a run under way is left alone.

    A run that has no report is under way, or was killed: it counts as that when it is a day old.
    """
    runs = sorted((path for path in (state / "ci").glob("*-*-*") if path.is_dir()), reverse=True)
    finished = [path for path in runs if (path / f"{REPORT}.json").is_file()]
    killed = [path for path in runs if path not in finished and now - path.stat().st_mtime > ABANDONED_SECONDS]
    removed = (*finished[keep:], *killed)
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(state / "artifacts" / path.name, ignore_errors=True)
    return tuple(path.name for path in removed)
