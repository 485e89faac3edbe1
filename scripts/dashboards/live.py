"""Asking live stores: how much each query returns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from scripts.dashboards.model import Store
from scripts.dashboards.queries import AskedQuery
from scripts.dashboards.standin import why_lacking

from optimus_ops.http.address import HttpAddress
from optimus_ops.traces.otlp_json import parse_json
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_http import StoreClient

SPAN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Returned:
    """What a store answered: series, streams or traces; `error` if it refused the query."""

    query: AskedQuery
    found: int
    error: str = ""

    @property
    def excuse(self) -> str:
        """Return why it may have no data; "" if it must have some, or was refused."""
        return "" if self.error or self.found else why_lacking(self.query.expr)

    @property
    def well(self) -> bool:
        """Whether there is data, or a reason that there is none."""
        return self.found > 0 or bool(self.excuse)


def ask_all(queries: Iterable[AskedQuery], addresses: Mapping[Store, HttpAddress]) -> list[Returned]:
    """Run every query of a store that has an address; each text once."""
    once = {(query.store, query.expr): query for query in queries if query.store in addresses}
    return [ask(query, addresses[query.store]) for query in once.values()]


def ask(query: AskedQuery, address: HttpAddress) -> Returned:
    """Run one query; an error of the store or of the network is part of what is returned."""
    now = int(time.time())
    match query.store:
        case Store.PROMETHEUS:
            path, asked = "/api/v1/query", {"query": query.expr, "time": str(now)}
        case Store.LOKI:
            bounds = {"start": f"{now - SPAN_SECONDS}000000000", "end": f"{now}000000000", "step": "60", "limit": "5"}
            path, asked = "/loki/api/v1/query_range", {"query": query.expr, **bounds}
        case Store.TEMPO:
            bounds = {"start": str(now - SPAN_SECONDS), "end": str(now), "limit": "5"}
            path, asked = "/api/search", {"q": query.expr, **bounds}
    try:
        answer = StoreClient(address).get(path, asked)
        document = parse_json(answer.content) if answer.status == HTTPStatus.OK else None
        if document is None:
            return Returned(query, 0, f"{answer.status}: {answer.first_line}")
        return Returned(query, len(document["traces"] if query.store is Store.TEMPO else document["data"]["result"]))
    except StoreFailed as error:
        return Returned(query, 0, str(error))
    except (ValueError, KeyError, TypeError):
        return Returned(query, 0, "its answer is no list of series, streams or traces")
