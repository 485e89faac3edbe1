"""Alert rules as values: what is measured, from which value it is bad, for how long, and why that value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from scripts.dashboards.model import Store


class Severity(StrEnum):
    """`page` wakes somebody; `ticket` waits until the morning."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule.

    Args:
        measured: the left side, one value a series; the rule is true where it is beyond `threshold`.
        beyond: "gt" or "lt".
        lasting: how long before it is told, as `5m`.
        reason: why this is an alert, and why at this value.
        runbook: page of docs/ that says what to do.
        absent: what having no series means: OK where no request or no provider is a fine state.
    """

    uid: str
    title: str
    measured: str
    beyond: Literal["gt", "lt"]
    threshold: float
    lasting: str
    severity: Severity
    reason: str
    runbook: str
    absent: Literal["OK", "Alerting"] = "OK"
    store: Store = Store.PROMETHEUS
