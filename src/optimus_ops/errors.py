"""The errors that reach a person, each with the exit code that the documentation promises.

Exit codes: 0 done, 1 failed (and undone), 2 refused, 3 a prerequisite is missing, 10 a plan would change something
(only where asked for), 130 and 143 interrupted by SIGINT and SIGTERM.
"""

from __future__ import annotations

from typing import ClassVar


class OpsError(Exception):
    """Something failed; what had been done was undone where that is possible.

    Args:
        message: what is wrong and where, in one sentence or a short block.
        hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1
    word: ClassVar[str] = "failed"

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Keep the message and the hint apart, so that JSON output can show both."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, then the hint on a line of its own."""
        return self.message if self.hint is None else f"{self.message}\n  {self.hint}"


class Refused(OpsError):  # noqa: N818 - the vocabulary of the exit codes: done, failed, refused
    """The request can't be carried out as asked; nothing was touched."""

    exit_code = 2
    word = "refused"


class MissingPrerequisite(OpsError):  # noqa: N818
    """A prerequisite is missing; the hint is the command that installs or starts it."""

    exit_code = 3
    word = "missing prerequisite"


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM ended the work; what had been done was undone.

    It is no `OpsError`: an error may be caught and told as another, and a wish to stop may not.
    """

    word: ClassVar[str] = "interrupted"
    message: ClassVar[str] = "stopped on request"
    hint: ClassVar[None] = None

    def __init__(self, signal_number: int) -> None:
        """Set the exit code to 128 + the signal's number, as shells do."""
        super().__init__(self.message)
        self.exit_code = 128 + signal_number


class WouldChange(OpsError):  # noqa: N818
    """`--plan --detailed-exitcode`: nothing is wrong, and carrying the plan out would change something."""

    exit_code = 10
    word = "planned"

    def __init__(self) -> None:
        """Say it in one line."""
        super().__init__("there is something to change")
