"""What a project says of its scans: exceptions, and the scanners that need not run.

[tool.optimus-ops.security]
optional = ["dependencies"]    # the scan does not fail where these could not run
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.security.exceptions import FILE, TABLE, ScanException, exceptions_of
from optimus_ops.security.scanners import chosen_scanners


@dataclass(frozen=True)
class ScanSettings:
    """The settings of a project; `optional` are names of scanners."""

    exceptions: tuple[ScanException, ...] = ()
    optional: frozenset[str] = frozenset()


def read_settings(root: Path) -> ScanSettings:
    """Read the settings of a project.

    Raises:
        Refused: they are malformed.
    """
    try:
        text = (root / FILE).read_text("utf-8-sig")
        table = tomllib.loads(text).get("tool", {}).get("optimus-ops", {}).get("security", {})
    except FileNotFoundError:
        return ScanSettings()
    except ValueError as error:
        raise Refused(f"{FILE} can't be read: {error}") from error
    if not isinstance(table, dict) or set(table) - {"exceptions", "optional"}:
        raise Refused(f"{FILE}: {TABLE} has exceptions and optional, and nothing else")
    optional = table.get("optional", [])
    if not isinstance(optional, list) or not all(isinstance(name, str) for name in optional):
        raise Refused(f"{FILE}: optional of {TABLE} is a list of names of scanners")
    chosen_scanners(optional)
    return ScanSettings(exceptions_of(table, text), frozenset(optional))
