"""The `invoke` command of environments that have this library: Invoke's own, which refuses folders without tasks."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

from invoke.exceptions import CollectionNotFound, Exit
from invoke.loader import FilesystemLoader
from invoke.main import program

from optimus_ops.commandline.streams import OutputError, ReaderGoneError


class ProjectLoader(FilesystemLoader):
    """Looks for a `tasks.py` from the current folder upwards, as Invoke does."""

    def find(self, name: str) -> ModuleSpec | None:
        """Return where the tasks are; where there are none, end with exit code 2 (Invoke has 1)."""
        try:
            return super().find(name)
        except CollectionNotFound:
            hint = "go into the project's folder, or name it: invoke --search-root FOLDER TASK"
            raise Exit(f"refused: no {name}.py in {self.start} or above it\n  {hint}", code=2) from None


def main() -> None:
    """Run Invoke; what it printed counts as done only when it could be written."""
    program.loader_class = ProjectLoader
    code: object = 0
    try:
        program.run()
    except SystemExit as ended:
        code = ended.code
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OutputError as failure:
        print(failure.message, file=sys.stderr)
        code = code or failure.code
    except ReaderGoneError:
        pass
    sys.exit(code if isinstance(code, int | str) else 0)
