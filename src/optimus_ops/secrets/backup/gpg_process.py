"""Calling gpg, whose status lines are read and nothing of its prose.

Not by python-gnupg: it gives the plaintext of a tampered message with `ok=False`, doesn't tell which checks were made,
and starts an agent that nobody ends. Source of the status lines: `doc/DETAILS` of GnuPG.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.secrets.value import Secret

STATUS = b"[GNUPG:] "
HOME_PREFIX = "optimus-gpg-"
SECONDS = 120.0
INTERACTIVE_SECONDS = 900.0
STALE_SECONDS = 600.0
LONGEST_FOLDER = 60
"""Characters: the path of an agent's socket may have 107."""
# Not --quiet: it leaves out status lines as well.
ALWAYS = (
    *("--no-options", "--batch", "--no-tty", "--logger-file", os.devnull, "--status-fd", "2"),
    *("--trust-model", "always", "--no-auto-key-locate", "--no-auto-key-retrieve"),
)


@dataclass(frozen=True, slots=True)
class GpgResult:
    """How a call ended; `statuses` are gpg's status lines, as words."""

    code: int
    output: bytes
    statuses: tuple[tuple[str, ...], ...]

    def told(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return the words behind each status line of a name."""
        return tuple(words[1:] for words in self.statuses if words[0] == name)

    def error_codes(self) -> frozenset[int]:
        """Return the codes of libgpg-error that the call ended with."""
        words = [words[-1].partition("_")[0] for words in (*self.told("ERROR"), *self.told("FAILURE")) if words]
        return frozenset(int(word) & 0xFFFF for word in words if word.isdigit())


@dataclass(frozen=True, slots=True)
class Gpg:
    """gpg with a home folder of its own, or (None) with the operator's keyring and agent."""

    home: Path | None = None

    def run(self, *arguments: str, content: bytes = b"", passphrase: Secret | None = None) -> GpgResult:
        """Run gpg on some input.

        Raises:
            MissingPrerequisite: there is no gpg.
            OpsError: it doesn't end.
        """
        argv = [find_gpg(), *ALWAYS, *(("--homedir", str(self.home)) if self.home else ())]
        if self.home or passphrase is not None:
            argv += ["--pinentry-mode", "loopback"]
        with _readable(passphrase) as descriptor:
            handed = ("--passphrase-fd", str(descriptor)) if descriptor is not None else ()
            try:
                done = subprocess.run(
                    [*argv, *handed, *arguments],
                    input=content,
                    capture_output=True,
                    check=False,
                    env=self._environ(),
                    pass_fds=() if descriptor is None else (descriptor,),
                    timeout=SECONDS if self.home else INTERACTIVE_SECONDS,
                )
            except subprocess.TimeoutExpired:
                raise OpsError(
                    "gpg did not end in time", "does an agent wait for somebody? gpgconf --kill all"
                ) from None
        lines = [line.removeprefix(STATUS) for line in done.stderr.splitlines() if line.startswith(STATUS)]
        statuses = tuple(tuple(line.decode("utf-8", "replace").split()) for line in lines if line.strip())
        return GpgResult(done.returncode, done.stdout, statuses)

    def _environ(self) -> Mapping[str, str]:
        if self.home:
            path = os.environ.get("PATH", os.defpath)
            return {"PATH": path, "HOME": str(self.home), "GNUPGHOME": str(self.home), "LC_ALL": "C"}
        if sys.stdin is not None and sys.stdin.isatty():
            return {**os.environ, "GPG_TTY": os.ttyname(sys.stdin.fileno())}
        return dict(os.environ)


def find_gpg() -> str:
    """Return gpg's path."""
    found = shutil.which("gpg")
    if found is None:
        raise MissingPrerequisite("there is no gpg on this machine", "apt-get install gnupg, or use --kind age")
    return found


@contextlib.contextmanager
def dedicated_home() -> Iterator[Gpg]:
    """Give a gpg with an empty home folder (0700), which is removed afterwards, and its agent ended."""
    find_gpg()
    folder = Path(tempfile.gettempdir())
    if len(str(folder)) > LONGEST_FOLDER:
        folder = Path("/tmp")  # noqa: S108 - the folder made in it is private
    _remove_stale(folder)
    home = Path(tempfile.mkdtemp(prefix=f"{HOME_PREFIX}{os.getpid()}-", dir=folder))
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Gpg(home)
    finally:
        _remove(home)
        os.close(descriptor)


def _remove(home: Path) -> None:
    """End the agent of a home folder and remove the folder."""
    command = ["gpgconf", "--homedir", str(home), "--kill", "all"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, check=False, timeout=20)
    shutil.rmtree(home, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    """Remove home folders of runs that were killed: they may hold a private key, and an agent may live on them."""
    for home in folder.glob(f"{HOME_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                found = os.fstat(descriptor)
                if found.st_uid == os.geteuid() and found.st_mtime < time.time() - STALE_SECONDS:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(home)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _readable(passphrase: Secret | None) -> Iterator[int | None]:
    """Give a descriptor that a passphrase can be read from: it never stands in arguments or environment."""
    if passphrase is None:
        yield None
        return
    reading, writing = os.pipe()
    try:
        # A pipe holds far more than the longest passphrase: nobody has to read meanwhile.
        os.write(writing, passphrase.reveal().encode() + b"\n")
        os.close(writing)
        yield reading
    finally:
        os.close(reading)
