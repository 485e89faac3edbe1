"""What test sessions have to keep: `[tool.optimus-ops.tests]` in `pyproject.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused

TABLE = "tool.optimus-ops.tests"


@dataclass(frozen=True)
class Limits:
    """The limits.

    Args:
        branches: percent of branches that tests have to take at least; None where no such rule is stated.
        flaky: the most flaky tests that a session may have.
    """

    branches: float | None = None
    flaky: int = 3


def read_limits(root: Path) -> Limits:
    """Return the limits of a project; the usual ones where it states none.

    Raises:
        Refused: they are malformed.
    """
    try:
        settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError:
        return Limits()
    except (OSError, ValueError) as error:
        raise Refused(f"pyproject.toml can't be read: {error}") from error
    table = settings.get("tool", {}).get("optimus-ops", {}).get("tests", {})
    if not isinstance(table, dict) or (unknown := sorted(table.keys() - {"branches", "flaky"})):
        raise Refused(f"{TABLE}: {', '.join(unknown) if isinstance(table, dict) else 'no table'}", "branches, flaky")
    branches, flaky = table.get("branches"), table.get("flaky", Limits.flaky)
    if branches is not None and not _is_number(branches, 100):
        raise Refused(f"{TABLE}.branches: {branches!r} is no percentage from 0 to 100")
    if not isinstance(flaky, int) or not _is_number(flaky, 1000):
        raise Refused(f"{TABLE}.flaky: {flaky!r} is no number of tests from 0 to 1000")
    return Limits(branches, flaky)


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
