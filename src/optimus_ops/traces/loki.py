"""Client of Loki's API (https://grafana.com/docs/loki/latest/reference/loki-http-api/): the lines of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimus_ops.traces.otlp_json import parse_json
from optimus_ops.traces.store import StoredLine
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.tempo import ready

MOST_LINES = 5000
"""The most that Loki gives in one answer by its defaults."""
ANY = '{service_name=~".+"}'
SECOND = 10**9


@dataclass(frozen=True)
class LokiStore:
    """Loki, or qryn in its place.

    Args:
        structured: whether logs may hold their trace id beside the line (OTLP), and not in it.
    """

    client: StoreClient
    name: str = "Loki"
    structured: bool = True

    def ready(self) -> bool:
        """Tell whether it takes queries."""
        return ready(self.client)

    def lines(self, trace_id: str, since: float, until: float) -> tuple[StoredLine, ...]:
        """Return the lines that hold a trace's id, oldest first."""
        filters = [f'|= "{trace_id}"', *([f'| trace_id="{trace_id}"'] if self.structured else [])]
        found = {line for each in filters for line in self._query(f"{ANY} {each}", since, until)}
        return tuple(sorted(found, key=lambda line: (line.time_ns, line.service, line.text)))

    def _query(self, query: str, since: float, until: float) -> list[StoredLine]:
        window = {"start": str(int(since * SECOND)), "end": str(int(until * SECOND))}
        asked = {"query": query, **window, "limit": str(MOST_LINES), "direction": "forward"}
        answer = self.client.get("/loki/api/v1/query_range", asked, accept="application/json")
        if answer.status != 200 or answer.is_page:
            raise self.client.unexpected(answer, "lines of logs")
        try:
            return parse_streams(parse_json(answer.content))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self.client.garbage("lines of logs") from None


def parse_streams(document: Any) -> list[StoredLine]:
    """Return the lines of an answer; times are texts of digits, and rounded numbers of qryn.

    Raises ValueError, KeyError, TypeError or AttributeError where it is something else.
    """
    data = document["data"]
    if data["resultType"] != "streams":
        raise ValueError("no streams")
    return [
        StoredLine(int(time), str(result["stream"].get("service_name", "")), str(text))
        for result in data["result"]
        for time, text, *_metadata in result["values"]
    ]
