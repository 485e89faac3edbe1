"""Stacks with reservations and pools, and hosts to judge them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.stacks import DOCUMENT, SCALABLE, stack

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    DEFAULT_POLICY,
    Capacity,
    budgets_of,
)
from optimus_ops.model.budgets import check_budgets
from optimus_ops.model.stack import Stack

MEBI = 1024**2
HOST = Capacity(max_connections=100, reserved_connections=3, memory=4096 * MEBI, cpus=2.0)
ENDLESS = Capacity(max_connections=None, reserved_connections=0, memory=2**60, cpus=4096.0)


def service(name: str, **changes: Any) -> dict[str, Any]:
    return {**DOCUMENT["services"].get(name, {"image": name, "labels": SCALABLE}), **changes}


def reserving(cores: float, mebibytes: int, **limits: Any) -> dict[str, Any]:
    reserved = {"cpus": cores, "memory": str(mebibytes * MEBI)}
    return {"resources": {"reservations": reserved, "limits": limits}}


def pooled(size: object = 5, overflow: object = 10, processes: object = 1, host: str = "postgres") -> dict[str, str]:
    return {
        "DB_HOST": host,
        "DB_POOL_SIZE": str(size),
        "DB_MAX_OVERFLOW": str(overflow),
        "WEB_CONCURRENCY": str(processes),
    }


def shop(**changes: Any) -> Stack:
    """Return a stack whose memory service has a pool of 5 + 10, and whose replicas reserve a quarter core and 128M."""
    usual = {
        "memory": service("memory", environment=pooled(), deploy=reserving(0.25, 128)),
        "ai": service("ai", deploy=reserving(0.25, 128, cpus=1.0, memory=str(384 * MEBI))),
    }
    return stack(**{**usual, **changes})


def explain(wanted: Stack, peak: Mapping[str, int], capacity: Capacity) -> str:
    return "\n".join(budget.text for budget in budgets_of(wanted, peak, capacity, DEFAULT_POLICY))


def refusal(
    wanted: Stack,
    peak: Mapping[str, int],
    requested: Mapping[str, int],
    *,
    surge: Mapping[str, int] | None = None,
    capacity: Capacity = HOST,
) -> Refused:
    with pytest.raises(Refused) as caught:
        check_budgets(wanted, peak, capacity, requested=requested, surge=surge)
    return caught.value
