"""Exceptions from a scan: rule, path, reason and expiry date of each, in `[tool.optimus-ops.security]`.

[[tool.optimus-ops.security.exceptions]]
rule = "hadolint/DL3008"                   # tool and rule
path = "compose/airgap/*/Dockerfile"       # a pattern; * takes "/" too; FILE#NAME: a service or a key alone
reason = "…"
expires = 2027-06-01                       # the last day on which it holds
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place
from optimus_ops.security.model import ScanFinding

FILE = "pyproject.toml"
TABLE = "tool.optimus-ops.security"
HEADER = re.compile(rf"^\s*\[\[\s*{re.escape(TABLE)}\.exceptions\s*\]\]")
RULE = re.compile(r"[a-z][a-z-]*/\S+")
KEYS = {"rule", "path", "reason", "expires"}
VARYING = frozenset({"running"})
"""Areas in which an exception may be needed tomorrow that nothing needs now: which containers run is no setting."""


@dataclass(frozen=True)
class ScanException:
    """One exception; `line` is that of its table in the file."""

    rule: str
    path: str
    reason: str
    expires: date
    line: int

    def covers(self, finding: ScanFinding) -> bool:
        """Tell whether a finding is meant, expired or not."""
        file = finding.place.file
        names = (file, f"{file}#{finding.identity}") if finding.identity else (file,)
        return finding.id == self.rule and any(fnmatchcase(name, self.path) for name in names)


@dataclass(frozen=True)
class Judged:
    """Findings that count, and those that are excepted."""

    counting: tuple[ScanFinding, ...]
    excepted: tuple[tuple[ScanFinding, ScanException], ...]


def judge(
    findings: Iterable[ScanFinding], exceptions: Collection[ScanException], scanned: Collection[str], today: date
) -> Judged:
    """Apply exceptions; one that has expired, or that nothing needs, is itself a finding.

    `scanned` are the tools of which all scanners ran: without them nobody knows whether an exception is needed.
    """
    counting: list[ScanFinding] = []
    excepted: list[tuple[ScanFinding, ScanException]] = []
    used: set[ScanException] = set()
    for finding in findings:
        covering = [found for found in exceptions if found.covers(finding)]
        used.update(covering)
        valid = next((found for found in covering if found.expires >= today), None)
        if valid:
            excepted.append((finding, valid))
        else:
            counting.append(finding)
    for found in exceptions:
        if found in used and found.expires < today:
            message = f"the exception from {found.rule} for {found.path} expired on {found.expires}"
            counting.append(_complaint("expired-exception", message, found, "mend the finding, or decide anew"))
        elif found not in used and found.rule.partition("/")[0] in set(scanned) - VARYING:
            message = f"nothing needs the exception from {found.rule} for {found.path}"
            counting.append(_complaint("unused-exception", message, found, "take it out"))
    return Judged(tuple(counting), tuple(excepted))


def _complaint(rule: str, message: str, found: ScanException, hint: str) -> ScanFinding:
    return ScanFinding("security", rule, "medium", message, Place(FILE, found.line), hint)


def exceptions_of(table: Mapping[str, Any], text: str) -> tuple[ScanException, ...]:
    """Return the exceptions of the settings' table, each with its line in the file's text.

    Raises:
        Refused: they are malformed.
    """
    entries = table.get("exceptions", [])
    if not isinstance(entries, list):
        raise Refused(f"{FILE}: each exception is a table: [[{TABLE}.exceptions]]")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if HEADER.match(line)]
    # Tables written inline have no header.
    lines += [0] * (len(entries) - len(lines))
    return tuple(_exception(entry, line) for entry, line in zip(entries, lines, strict=False))


def _exception(entry: Mapping[str, Any], line: int) -> ScanException:
    where = f"{FILE}:{line}" if line else FILE
    if not isinstance(entry, dict) or set(entry) != KEYS:
        raise Refused(f"{where}: an exception has rule, path, reason and expires, and nothing else")
    for name in ("rule", "path", "reason"):
        if not isinstance(entry[name], str) or not entry[name].strip():
            raise Refused(f"{where}: the exception's {name} is a text, and not empty")
    if not RULE.fullmatch(entry["rule"]):
        raise Refused(f"{where}: rule {entry['rule']!r}", "tool and rule, as in a report: hadolint/DL3008")
    expires = entry["expires"]
    if isinstance(expires, datetime) or not isinstance(expires, date):
        raise Refused(f"{where}: expires is a date without quotes", "expires = 2027-06-01")
    return ScanException(entry["rule"], entry["path"], entry["reason"], expires, line)
