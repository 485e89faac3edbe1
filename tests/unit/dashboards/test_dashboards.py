"""What must hold for the dashboards that Grafana is provisioned with; read without Grafana."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from scripts.dashboards.boards import BOARDS
from scripts.dashboards.files import CHECKOUT, FOLDER, files
from scripts.dashboards.model import Store
from scripts.dashboards.queries import asked_queries, filled

FILES = files()
GENERATED = {
    path: json.loads(text) for path, text in FILES.items() if "/dashboards/" in path and path.endswith(".json")
}
SOURCES = yaml.safe_load((CHECKOUT / FOLDER / "provisioning/datasources/stores.yaml").read_text("utf-8"))["datasources"]
METRIC = re.compile(r"\b(?:http_server|optimus|otel|process|gen_ai|redis|db_client)_[a-z_]+")


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("path", FILES)
def test_what_is_committed_is_what_is_generated(path: str) -> None:
    assert (CHECKOUT / path).read_text("utf-8") == FILES[path], "python -m scripts.dashboards"


def test_no_dashboard_is_left_over() -> None:
    assert {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / FOLDER / "dashboards").glob("*.json")} == {
        *GENERATED
    }


def test_ids_of_dashboards_are_their_own_and_short_enough() -> None:
    uids = [board["uid"] for board in GENERATED.values()]
    assert len({*uids}) == len(BOARDS) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)


@pytest.mark.parametrize("board", GENERATED.values(), ids=lambda board: board["uid"])
def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len({*ids}) == len(ids)
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@pytest.mark.parametrize("board", GENERATED.values(), ids=lambda board: board["uid"])
def test_each_panel_has_a_unit_a_description_and_queries_of_a_provisioned_source(board: dict[str, Any]) -> None:
    sources = {source["uid"]: source["type"] for source in SOURCES}
    for panel in panels(board):
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len(panel["description"]) > 20 or panel["type"] == "logs", panel["title"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            assert sources[target["datasource"]["uid"]] == target["datasource"]["type"]


@pytest.mark.parametrize("board", GENERATED.values(), ids=lambda board: board["uid"])
def test_variables_that_are_used_are_there_and_those_there_are_used(board: dict[str, Any]) -> None:
    used = {*re.findall(r"\$([a-z]+)\b", json.dumps([panel["targets"] for panel in panels(board)]))}
    assert used == {choice["name"] for choice in board["templating"]["list"]}


@pytest.mark.parametrize("board", GENERATED.values(), ids=lambda board: board["uid"])
def test_each_begins_with_rate_errors_duration_or_says_what_else(board: dict[str, Any]) -> None:
    first = board["panels"][0]
    assert first["type"] == "row"
    assert "rate, errors, duration" in first["title"] or board["uid"] in {"optimus-stores", "optimus-telemetry"}


def test_every_metric_is_one_that_services_have() -> None:
    documented = {*re.findall(r"^\| `([a-z_]+)`", (CHECKOUT / "docs/metrics.md").read_text("utf-8"), re.MULTILINE)}
    for asked in asked_queries(FILES):
        if asked.store is Store.PROMETHEUS:
            named = {re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", name) for name in METRIC.findall(asked.expr)}
            # Labels that are called like the metrics of their family.
            labels = set(re.findall(r"`([a-z_]+)`", (CHECKOUT / "docs/metrics.md").read_text("utf-8"))) - documented
            assert named - labels <= documented, asked


def test_queue_and_redis_are_told_by_every_replica_and_never_summed() -> None:
    for asked in asked_queries(FILES):
        assert not re.search(r"sum[^)]*\((rate\()?(redis_|optimus_queue_(messages|oldest))", asked.expr), asked


def test_counters_are_rated_before_they_are_summed() -> None:
    for asked in asked_queries(FILES):
        assert not re.search(r"rate\(\s*(sum|max)", asked.expr), asked
        if asked.store is Store.PROMETHEUS and "variable" not in asked.place:
            for found in re.finditer(r"\w+_total\b", asked.expr):
                assert re.search(r"(rate|increase|delta)\($", asked.expr[: found.start()]), asked


def test_quantiles_keep_the_bounds_of_their_buckets() -> None:
    for asked in asked_queries(FILES):
        assert asked.expr.count("histogram_quantile") == len(re.findall(r"sum by \(le[,)]", asked.expr)), asked


def test_choices_and_windows_are_filled_in() -> None:
    assert filled('sum(rate(x{job=~"$service"}[$__rate_interval]))') == 'sum(rate(x{job=~".*"}[5m]))'
    assert not [asked for asked in asked_queries(FILES) if "$" in asked.expr]
