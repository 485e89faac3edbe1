"""Secrets that an operator hands over in a variable: lines of a dotenv file, as one secret of a CI system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.secrets import dotenv, store
from optimus_ops.secrets.value import Secret

SECRETS_FILE = ".env.secrets"


@dataclass(frozen=True)
class OperatorSecrets:
    """Values for a secrets file, and the file as it was; other keys keep their values."""

    path: Path
    values: Mapping[str, Secret]
    before: store.StoredFile | None = None

    def differing(self) -> tuple[str, ...]:
        """Return the names of the values that the file has otherwise, or not at all."""
        there = self._document().values
        return tuple(
            name for name, value in self.values.items() if name not in there or there[name].reveal() != value.reveal()
        )

    def write(self) -> None:
        """Write the values into the file, private from its first moment."""
        document = self._document()
        for name, value in self.values.items():
            document = document.with_value(name, value)
        store.write(self.path, document.render())

    def restore(self) -> None:
        """Write what was there; remove the file if there was none."""
        if self.before is None:
            self.path.unlink(missing_ok=True)
        else:
            store.write(self.path, self.before.content, self.before.mode)

    def _document(self) -> dotenv.Document:
        return dotenv.parse(self.before.content.reveal(), self.path.name) if self.before else dotenv.Document()


def read_secrets(folder: Path, variable: str, environ: Mapping[str, str]) -> OperatorSecrets:
    """Return the values that a variable holds for the secrets file of a folder; none if no variable is named.

    Raises:
        Refused: the variable is missing or malformed; the message never holds a value.
    """
    path = folder / environ.get("OPTIMUS_SECRETS_FILE", SECRETS_FILE)
    if not variable:
        return OperatorSecrets(path, {})
    if variable not in environ:
        raise Refused(f"--secrets {variable}: there is no such variable", "in a workflow: env of this step")
    values = dotenv.parse(environ[variable], variable).values
    return OperatorSecrets(path, values, store.read(path))
