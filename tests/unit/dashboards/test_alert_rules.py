"""What must hold for the alert rules that Grafana is provisioned with."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from scripts.dashboards.files import CHECKOUT, RULES, files
from scripts.dashboards.standin import LACKING, why_lacking

RULE_LIST: list[dict[str, Any]] = [rule for group in json.loads(files()[RULES])["groups"] for rule in group["rules"]]
HISTOGRAM_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def test_ids_and_titles_are_their_own() -> None:
    for key in ("uid", "title"):
        assert len({rule[key] for rule in RULE_LIST}) == len(RULE_LIST)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", rule["uid"]) for rule in RULE_LIST)


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule["uid"])
def test_each_has_a_reason_a_severity_a_duration_and_a_page_that_is_there(rule: dict[str, Any]) -> None:
    assert len(rule["annotations"]["reason"]) > 40
    assert (CHECKOUT / rule["annotations"]["runbook_url"]).is_file()
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["noDataState"] in {"OK", "Alerting"}


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule["uid"])
def test_each_compares_one_instant_query_with_a_number(rule: dict[str, Any]) -> None:
    measured, judged = rule["data"]
    assert (measured["refId"], measured["model"]["instant"]) == ("A", True)
    assert (judged["datasourceUid"], judged["model"]["expression"]) == ("__expr__", "A")
    assert judged["refId"] == rule["condition"] == judged["model"]["refId"]
    (condition,) = judged["model"]["conditions"]
    assert condition["evaluator"]["type"] in {"gt", "lt"}
    assert len(condition["evaluator"]["params"]) == 1


def test_thresholds_of_durations_are_bounds_of_buckets() -> None:
    for rule in RULE_LIST:
        if "histogram_quantile" in rule["data"][0]["model"]["expr"]:
            assert rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0] in HISTOGRAM_BOUNDS


def test_few_queries_are_excused_from_returning_data_and_each_excuse_is_used() -> None:
    excused = {part for rule in files().values() for part in LACKING if part in rule}
    assert excused == {*LACKING}
    assert why_lacking("sum(loki_discarded_samples_total)")
    assert not why_lacking('sum(up{job!~"alloy|tempo|loki|prometheus"})')


def test_grafana_reads_every_file_beside_the_rules_and_replaces_variables_in_them() -> None:
    # One file of another kind, and it starts none of the rules; a dollar sign is the environment's.
    assert {path.suffix for path in (CHECKOUT / RULES).parent.iterdir()} <= {".json", ".yaml", ".yml"}
    assert "$" not in files()[RULES]
