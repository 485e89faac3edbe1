"""Every query of the generated files, with the variables of Grafana in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.dashboards.model import Store

VARIABLE_QUERY = re.compile(r"label_values\((.+), (\w+)\)")
BUILT_IN = {"$__rate_interval": "5m", "$__auto": "5m"}
ANYTHING = ".*"


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query as a store is asked; `place` says where it stands."""

    place: str
    store: Store
    expr: str


def asked_queries(files: Mapping[str, str]) -> Iterator[AskedQuery]:
    """Yield the queries of dashboards and alert rules; `files` are path -> JSON."""
    for path, text in files.items():
        if path.endswith(".json"):
            document = json.loads(text)
            yield from _of_rules(document) if "groups" in document else _of_board(document)


def filled(expr: str) -> str:
    """Return a query with windows of five minutes and every choice set to all."""
    for name, value in BUILT_IN.items():
        expr = expr.replace(name, value)
    return re.sub(r"\$(service|tenant|instance)\b", ANYTHING, expr)


def _of_board(board: Mapping[str, Any]) -> Iterator[AskedQuery]:
    title = board["title"]
    for found in board["annotations"]["list"]:
        yield AskedQuery(f"{title} / annotation {found['name']}", Store(found["datasource"]["uid"]), found["expr"])
    for choice in board["templating"].get("list", []) if "templating" in board else []:
        matched = VARIABLE_QUERY.fullmatch(choice["query"])
        if not matched:
            raise ValueError(choice["query"])
        yield AskedQuery(f"{title} / variable {choice['name']}", Store.PROMETHEUS, matched[1])
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expr = target.get("expr") or target["query"]
            yield AskedQuery(f"{title} / {panel['title']}", Store(target["datasource"]["uid"]), filled(expr))


def _of_rules(document: Mapping[str, Any]) -> Iterator[AskedQuery]:
    for group in document["groups"]:
        for rule in group["rules"]:
            for part in rule["data"]:
                if part["datasourceUid"] != "__expr__":
                    expr = part["model"]["expr"]
                    yield AskedQuery(f"alert / {rule['title']}", Store(part["datasourceUid"]), expr)
