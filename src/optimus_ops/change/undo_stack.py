"""Undo actions, last first; each leaves the stack only after it succeeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from optimus_ops.errors import OpsError


class UndoFailed(OpsError):  # noqa: N818 - named as its base: what failed
    """Some undo actions failed; the others are done."""

    def __init__(self, undone: tuple[str, ...], failures: tuple[str, ...]) -> None:
        """Tell all failures in one message."""
        super().__init__("\n    ".join(failures))
        self.undone = undone
        self.failures = failures


@dataclass
class UndoStack:
    """The actions that take back what a change did so far."""

    _actions: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether anything is left to undo."""
        return bool(self._actions)

    def push(self, text: str, action: Callable[[], object]) -> None:
        """Add what takes a step back, and what will have been undone ("started ai-engine-1 again")."""
        self._actions.append((text, action))

    def unwind(self) -> tuple[str, ...]:
        """Undo everything, last first; return a line for each action.

        Raises:
            UndoFailed: some failed. They stay on the stack; the others were carried out all the same.
        """
        undone, failed = [], []
        while self._actions:
            text, action = self._actions[-1]
            try:
                action()
            except OpsError as error:
                failed.append((text, action, error))
            else:
                undone.append(text)
            self._actions.pop()
        if failed:
            self._actions.extend((text, action) for text, action, _error in reversed(failed))
            raise UndoFailed(tuple(undone), tuple(f"{text}: failed: {error.message}" for text, _a, error in failed))
        return tuple(undone)
