"""What lines of logs say about a request: which service wrote each, and of which trace it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from optimus_ops.traces.store import StoredLine


def services_in(lines: Iterable[StoredLine]) -> frozenset[str]:
    """Return the services that wrote the lines, as the store says, and as the lines themselves do."""
    found = {line.service for line in lines} | {str(_facts(line).get("service") or "") for line in lines}
    return frozenset(found - {""})


def other_traces(lines: Iterable[StoredLine], trace_id: str) -> dict[str, tuple[str, ...]]:
    """Return service -> ids of other traces that its lines name."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        facts = _facts(line)
        service, other = str(facts.get("service") or line.service), str(facts.get("trace_id") or "")
        if other and other != trace_id and other not in found.get(service, ()):
            found[service] = (*found.get(service, ()), other)
    return found


def _facts(line: StoredLine) -> Mapping[str, object]:
    try:
        facts = json.loads(line.text)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
