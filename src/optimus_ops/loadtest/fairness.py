"""Fairness between tenants: a quiet one's latency beside one that floods, and Jain's index."""

from __future__ import annotations

from collections.abc import Sequence

from optimus_ops.loadtest.model import FairnessRule, LoadResult
from optimus_ops.reports.measurement import Objective


def fairness_ratio(result: LoadResult, rule: FairnessRule) -> float | None:
    """Return the quiet tenant's p95 while the other floods, over its p95 alone."""
    alone = result.total(tenant=rule.quiet, end=rule.begins).latency.percentile(95)
    beside = result.total(tenant=rule.quiet, begin=rule.begins).latency.percentile(95)
    return beside / alone if alone and beside is not None else None


def fairness_objective(result: LoadResult, rule: FairnessRule) -> Objective:
    """Return the rule with what was measured."""
    name = f"{rule.quiet}: p95 beside the flood, as a multiple of alone"
    alone = result.total(tenant=rule.quiet, end=rule.begins).ok
    beside = result.total(tenant=rule.quiet, begin=rule.begins).ok
    basis = f"{alone:,} requests alone, {beside:,} beside"
    return Objective(name, "at most", rule.most, fairness_ratio(result, rule), "x", basis)


def jain_index(shares: Sequence[float]) -> float | None:
    """Return Jain's index of fairness: 1 where all get the same share, 1/n where one gets all.

    Source: Jain, Chiu and Hawe, A Quantitative Measure of Fairness and Discrimination, DEC-TR-301, 1984.
    """
    squares = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else None


def tenant_shares(result: LoadResult) -> dict[str, float]:
    """Return tenant -> share of its requests that were answered right."""
    tenants = sorted({key.tenant for key in result.keys if key.tenant})
    totals = {tenant: result.total(tenant=tenant) for tenant in tenants}
    return {tenant: total.ok / total.offered for tenant, total in totals.items() if total.offered}
