"""Secrets as files in a mounted folder, one file per secret, the file's name being the secret's name."""

import re
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")


class MissingSecret(Exception):  # noqa: N818 - named for what is wrong, as the other services read it
    """A secret that the service cannot do without is not there. The message names the file, never a value."""


@dataclass(frozen=True)
class SecretFolder:
    """The folder that holds this service's secrets.

    Args:
        path: the folder; it need not exist, then every secret is absent.
    """

    path: Path

    def get(self, name: str) -> str | None:
        """Return the secret without surrounding white space, or None if it is absent or empty."""
        try:
            value = (self.path / name).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return value or None

    def require(self, name: str) -> str:
        """Return the secret.

        Raises:
            MissingSecret: when the file is absent or empty.
        """
        value = self.get(name)
        if value is None:
            raise MissingSecret(f"secret file {self.path / name} is missing or empty")
        return value

    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets that are there, sorted."""
        try:
            return tuple(sorted(entry.name for entry in self.path.iterdir() if NAME.match(entry.name)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
