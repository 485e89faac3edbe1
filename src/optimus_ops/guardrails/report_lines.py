"""The lines of files that a report shows."""

from __future__ import annotations

from collections.abc import Mapping

from optimus_ops.guardrails.model import Verdict
from optimus_ops.guardrails.python_source import MOST_BYTES, decoded, source_lines
from optimus_ops.guardrails.sources import Snapshot


def lines_of(verdict: Verdict, snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Return path -> lines of the files that violations are in."""
    found: dict[str, tuple[str, ...]] = {}
    for path in {violation.file for violation in verdict.counting} & snapshot.files.keys():
        data = snapshot.files[path].read()
        found[path] = _lines(data) if len(data) <= MOST_BYTES else ()
    return found


def _lines(data: bytes) -> tuple[str, ...]:
    try:
        return source_lines(decoded(data))
    except (SyntaxError, UnicodeDecodeError):
        return source_lines(data.decode("utf-8", "replace"))
