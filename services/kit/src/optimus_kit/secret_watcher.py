"""The secrets of a process as they are now: files that change are read again without a restart."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from optimus_kit.file_stamp import Stamp, file_stamp
from optimus_kit.secrets import MissingSecret, SecretFolder
from optimus_kit.secrets_in_use import KEY, SecretsInUse

LOOK_SECONDS = 1.0
GONE_SECONDS = 3.0
"""A file that is missing or empty for so long is meant to be; until then its last value stays."""

log = logging.getLogger("optimus.secrets")


def secondary(name: str) -> str:
    """Return the name of the file that holds what else is valid while a secret is rotated, a value a line."""
    return f"{name}_SECONDARY"


class SecretWatcher:
    """All secrets of a folder, read at the start and again after a change: on use and by `keep_looking`.

    There is one in each process, and every use of a secret asks it each time, so that what it reports is what the
    process uses; whoever changes over later says so (`uses`). Looking costs a `stat` per file, once a second. A value
    that can't be read stays what it was.

    Args:
        folder: the secrets.
        in_use: told the fingerprints whenever a value has changed.
        clock: monotonic, in seconds.

    Raises:
        MissingSecret: a secret that is there can't be read.
    """

    def __init__(
        self, folder: SecretFolder, in_use: SecretsInUse | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._in_use = in_use or SecretsInUse()
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}
        self._stamps: dict[str, Stamp] = {}
        self._missing_since: dict[str, float] = {}
        self._used: dict[str, str | None] = {}
        self._reported: int | None = None
        self._report_failed = False
        self.version = 0
        """Another number after each change, for whoever keeps something that is made of secrets."""
        self.problem: str | None = None
        """Why a secret as it is now is not in use; None when all are."""
        self._say_hello()
        self._looked_at = clock()
        self._look(self._looked_at)
        if self.problem:
            raise MissingSecret(self.problem)

    def get(self, name: str) -> str | None:
        """Return the secret, or None if there is none."""
        self.refresh()
        return self._values.get(name)

    def valid(self, name: str) -> tuple[str, ...]:
        """Return what is accepted for a secret: its value, and both values while it is rotated.

        Then the second file names both, so that no moment exists, whichever file was read first, in which one of them
        is not accepted.
        """
        self.refresh()
        values = self._values
        others = (line.strip() for line in values.get(secondary(name), "").splitlines())
        return tuple(dict.fromkeys(value for value in (values.get(name, ""), *others) if value))

    def refresh(self) -> None:
        """Read what has changed, unless that was done within the last second."""
        now = self._clock()
        # Another thread that looks already is not waited for.
        if now - self._looked_at < LOOK_SECONDS or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked_at = now
            self._look(now)
        finally:
            self._lock.release()

    def uses(self, name: str, value: str | None) -> None:
        """Report this value of a secret from now on, for whoever changes over to another one in its own time.

        Args:
            name: of the secret.
            value: what is used; None while nothing is.
        """
        if self._used.get(name, "") != value:
            self._used[name] = value
            self._report()

    async def keep_looking(self) -> None:
        """Look until cancelled, so that a process that does nothing has and reports the values of now as well."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.refresh()

    def _say_hello(self) -> None:
        """Report no secrets before any is read: from now on nobody takes this process for one that doesn't exist."""
        try:
            key = self._folder.get(KEY)
        except (OSError, UnicodeDecodeError):
            return
        self._write({KEY: key} if key else {})

    def _look(self, now: float) -> None:
        names, problem = self._names()
        values = dict(self._values)
        for name in names:
            stamp = file_stamp(self._folder.path / name)
            # Of a file that is not there two stamps are equal, too.
            if stamp == self._stamps.get(name) and name not in self._missing_since:
                continue
            try:
                value = self._folder.get(name)
            except (OSError, UnicodeDecodeError) as error:
                problem = f"secret file {self._folder.path / name} cannot be read ({type(error).__name__})"
                continue
            # Taken before the file was read: what changed meanwhile has another one, and is read at the next look.
            self._stamps[name] = stamp
            self._keep(values, name, value, now)
        self._tell(problem)
        self._switch(values)

    def _names(self) -> tuple[frozenset[str], str | None]:
        """Return the names that are there or were; none, and why, where the folder itself can't be seen any more."""
        try:
            names = self._folder.names()
        except OSError as error:
            return frozenset(), f"folder {self._folder.path} cannot be read ({type(error).__name__})"
        if self._values and not self._folder.path.is_dir():
            return frozenset(), f"folder {self._folder.path} is not there"
        return frozenset((*names, *self._values)), None

    def _keep(self, values: dict[str, str], name: str, value: str | None, now: float) -> None:
        if value is not None:
            self._missing_since.pop(name, None)
            values[name] = value
        elif name in values and now - self._missing_since.setdefault(name, now) >= GONE_SECONDS:
            del values[name], self._missing_since[name]

    def _switch(self, values: dict[str, str]) -> None:
        if values != self._values:
            changed = sorted(dict(values.items() ^ self._values.items()))
            if self.version:
                log.info("secrets changed: %s", ", ".join(changed))
            self._values = values
            self.version += 1
        if self._reported != self.version:
            # After the switch: what is reported is in use.
            self._report()

    def _report(self) -> None:
        used = {name: self._used.get(name, value) for name, value in self._values.items()}
        self._write({name: value for name, value in used.items() if value is not None})

    def _write(self, values: dict[str, str]) -> None:
        try:
            self._in_use.report(values)
        except OSError as error:
            if not self._report_failed:
                log.warning("fingerprints of secrets can't be written: %s", type(error).__name__)
            self._report_failed, self._reported = True, None
        else:
            self._report_failed, self._reported = False, self.version

    def _tell(self, problem: str | None) -> None:
        if problem and problem != self.problem:
            log.error("secrets are not changed, what was read before stays: %s", problem)
        elif self.problem and not problem:
            log.warning("secrets are read again, the error is gone")
        self.problem = problem
