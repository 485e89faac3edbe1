"""Git repositories of a checkout as a scan reads them: its own, and those of its submodules; nothing of them is run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from optimus_ops.errors import Refused
from optimus_ops.security.model import CouldNotRun
from optimus_ops.system.process import run

SECONDS = 120.0
SETTINGS = (
    "safe.directory=*",  # a checkout may belong to somebody else
    "core.fsmonitor=false",
    "core.quotePath=false",
    "protocol.allow=never",  # objects that a partial clone lacks are not fetched
)


@dataclass(frozen=True)
class GitRepository:
    """A git directory with an object store.

    Args:
        folder: the common git directory (that of all worktrees).
        root: the folder of the checkout; of a submodule, its git directory.
        name: "" for the checkout's own, else the submodule's.
    """

    folder: Path
    root: Path
    name: str = ""

    def command(self, *words: str) -> list[str]:
        """Return a command of git that reads objects as they are and starts no helper of the repository's own."""
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        return ["git", f"--git-dir={self.folder}", "--no-replace-objects", *settings, *words]

    def run(self, *words: str, feed: Iterable[str] = ()) -> str:
        """Return what git prints.

        Raises:
            CouldNotRun: it failed.
        """
        lines = "".join(f"{line}\n" for line in feed).encode()
        done = run(
            self.command(*words),
            deadline=SECONDS,
            check=False,
            feed=(lambda pipe: pipe.write(lines)) if lines else None,
        )
        if done.code:
            raise CouldNotRun(f"git {words[0]} failed in {self.shown}: {_first(done.stderr)}", "git fsck --full")
        return done.stdout

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"the submodule {self.name}" if self.name else "the repository"

    @property
    def incomplete(self) -> str:
        """Why a part of its history is not here; "" where all is."""
        if self.run("rev-parse", "--is-shallow-repository").strip() == "true":
            return f"{self.shown} is a shallow clone: its history is not whole"
        if any((self.folder / "objects" / "pack").glob("*.promisor")):
            return f"{self.shown} is a partial clone: objects that it lacks were not looked at"
        return ""

    @contextmanager
    def stream(self, *words: str) -> Iterator[IO[bytes]]:
        """Give the output of a command as it comes.

        Raises:
            CouldNotRun: the command failed.
        """
        with subprocess.Popen(
            self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None  # noqa: S101 - opened as a pipe
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise CouldNotRun(f"git {words[0]} failed in {self.shown}: its object store is damaged", "git fsck --full")


def repositories(root: Path) -> tuple[GitRepository, ...]:
    """Return the repository of a checkout and those of its submodules, also of such as are no longer checked out.

    Raises:
        Refused: the folder is no checkout of git.
    """
    words = [
        "git",
        "-C",
        str(root),
        "-c",
        "safe.directory=*",
        "rev-parse",
        "--path-format=absolute",
        "--git-common-dir",
    ]
    done = run(words, deadline=SECONDS, check=False)
    if done.code:
        raise Refused("the project is no checkout of git", "--only names the areas that need none, such as images")
    common = Path(done.stdout.strip())
    return (GitRepository(common, root), *_submodules(common, common / "modules"))


def _submodules(common: Path, folder: Path) -> Iterator[GitRepository]:
    for head in sorted(folder.glob("**/HEAD")) if folder.is_dir() else ():
        found = head.parent
        if (found / "objects").is_dir() and (found / "refs").is_dir():
            yield GitRepository(found, found, str(found.relative_to(common / "modules")))


def _first(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[0][:200]
