"""The error of a diff that can't be used."""

from __future__ import annotations

from optimus_ops.errors import Refused


class BadDiff(Refused):
    """A text is no diff of git, or one that can't be trusted."""

    def __init__(self, line: int, message: str, hint: str | None = None) -> None:
        """Say at which line of the diff."""
        super().__init__(f"diff, line {line}: {message}", hint)
        self.line = line
