"""What a rotator may need of the project: its secrets, its files and its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.key_store import missing_file
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import observe
from optimus_ops.secrets.value import Secret
from optimus_ops.stack.context import StackContext
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock


def nobody_to_ask(key: str) -> Secret:
    """Refuse to ask: there is no terminal."""
    raise Refused(f"{key} has to be typed", "run it at a terminal")


@dataclass(frozen=True)
class RotationContext:
    """The project that a secret is rotated in.

    Args:
        entries: key -> what the schema says of it; companions (`KEY_SECONDARY`) included.
        stack: its files and its engine; None where there is no engine, or the project has no Compose files.
        ask: returns what the operator types without echo, for a prompt.
    """

    project: Project
    paths: SecretsPaths
    entries: Mapping[str, Entry]
    stack: StackContext | None = None
    clock: Clock = SYSTEM_CLOCK
    ask: Callable[[str], Secret] = nobody_to_ask

    def values(self) -> Mapping[str, Secret]:
        """Return the file of secrets as it is now."""
        document = observe(self.paths).document
        if document is None:
            raise missing_file(self.paths)
        return document.values

    def running(self) -> StackContext:
        """Return the stack of whoever can't do without.

        Raises:
            Refused: there is none.
        """
        if self.stack is None:
            raise Refused("no engine answers, or the project has no Compose files", "start the engine and: invoke up")
        return self.stack
