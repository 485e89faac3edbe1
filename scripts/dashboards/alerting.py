"""Alert rules in the form that Grafana is provisioned with, made by its Foundation SDK."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders import alerting, expr, prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.alerting import RelativeTimeRange
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from scripts.dashboards.alert_model import Alert
from scripts.dashboards.alert_rules import GROUPS
from scripts.dashboards.panels import source

EXPRESSION = DataSourceRef(type_val="__expr__", uid="__expr__")
DOCUMENTATION = "docs/"


def document() -> str:
    """Return all rules as the JSON that Grafana is provisioned with."""
    groups = [
        {
            "orgId": 1,
            "name": name,
            "folder": "Optimus",
            "interval": "1m",
            "rules": [_rule(alert, name) for alert in alerts],
        }
        for name, alerts in GROUPS.items()
    ]
    return json.dumps({"apiVersion": 1, "groups": groups}, indent=1) + "\n"


def _rule(alert: Alert, group: str) -> dict[str, Any]:
    measured = prometheus.Dataquery().expr(alert.measured).instant().ref_id("A").datasource(source(alert.store))
    limit = expr.ExprTypeThresholdConditionsEvaluator().params([alert.threshold]).type(alert.beyond)
    judged = expr.TypeThreshold().expression("A").ref_id("B").datasource(EXPRESSION)
    judged = judged.conditions([expr.ExprTypeThresholdConditions().evaluator(limit)])
    window = RelativeTimeRange(from_val=600, to=0)
    made = (
        alerting.Rule(alert.title)
        .uid(f"optimus-{alert.uid}")
        .condition("B")
        .for_val(alert.lasting)
        .no_data_state(alert.absent)
        .exec_err_state("Error")
        .rule_group(group)
        .folder_uid("optimus")
        .labels({"severity": alert.severity.value})
        .annotations({"summary": alert.title, "reason": alert.reason, "runbook_url": DOCUMENTATION + alert.runbook})
        .with_query(alerting.Query("A").datasource_uid(alert.store.value).relative_time_range(window).model(measured))
        .with_query(alerting.Query("B").datasource_uid("__expr__").relative_time_range(window).model(judged))
    )
    rule: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    # Files name folder and group once, around the rules.
    return {key: value for key, value in rule.items() if key not in {"folderUID", "ruleGroup", "orgID"}}
