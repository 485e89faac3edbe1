"""How a task ended that a test ran in its own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import pytest

from optimus_ops.errors import OpsError


@dataclass(frozen=True)
class TaskOutcome:
    """What a task printed, its document where that is JSON, and its error."""

    document: dict[str, Any]
    printed: str
    said: str
    error: OpsError | None

    @classmethod
    def of(cls, run: Callable[[], object], capsys: pytest.CaptureFixture[str], *, as_json: bool = True) -> Self:
        """Run a task; `said` is what it wrote to standard error."""
        capsys.readouterr()
        error = None
        try:
            run()
        except OpsError as raised:
            error = raised
        printed = capsys.readouterr()
        return cls(json.loads(printed.out) if as_json and printed.out else {}, printed.out, printed.err, error)

    @property
    def everything(self) -> str:
        """All that a person sees."""
        return f"{self.printed}{self.said}{self.error or ''}"

    @property
    def code(self) -> int:
        """The exit code."""
        return self.error.exit_code if self.error else 0
