"""A run as a JSON document, which `--compare` reads again: histograms and all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from optimus_ops.checks.render import check_json
from optimus_ops.loadtest.fairness import jain_index, tenant_shares
from optimus_ops.loadtest.judgement import Judgement, achieved_share
from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.records import FlowKey, Interval, histogram_json
from optimus_ops.reports.json_document import objective_json, rounded

SCHEMA = 1
MOST_INTERVALS = 300
"""Of a class and tenant: a day of seconds would be a document that nobody can open."""
PERCENTILES = (50, 90, 95, 99, 99.9)


def document(result: LoadResult, judgement: Judgement) -> dict[str, Any]:
    """Return the document."""
    shares = tenant_shares(result)
    return {
        "schema": SCHEMA,
        "ok": judgement.ok,
        "valid": not judgement.invalid,
        "interrupted": bool(result.interrupted),
        "profile": result.profile.name,
        "engine": result.engine,
        "target": result.target,
        "seconds": round(result.seconds, 3),
        "total": totals(result.total()),
        "missing": result.missing,
        "achieved": rounded(achieved_share(result)),
        "flows": [
            {"class": key.request_class, "tenant": key.tenant} | totals(result.total(key.request_class, key.tenant))
            for key in result.keys
        ],
        "fairness": {"jain_index": rounded(jain_index(list(shares.values()))), "shares": rounded(shares)},
        "checks": [check_json(check) for check in judgement.checks],
        "objectives": [objective_json(objective) for objective in judgement.objectives],
        "generators": [{"cpu": rounded(list(worker.cpu), 3), "finished": worker.finished} for worker in result.workers],
        "platform": [{"at": rounded(sample.at, 1), **rounded(dict(sample.figures))} for sample in result.samples],
        "comparisons": [
            rounded(asdict(comparison)) | {"ratio": rounded(comparison.ratio), "verdict": comparison.verdict}
            for comparison in result.comparisons
        ],
        "intervals": [interval_json(interval) for interval in thinned(result.intervals, result.seconds)],
    }


def totals(total: Interval) -> dict[str, Any]:
    """Return the figures of a class and tenant; latencies in seconds."""
    return {
        "offered": total.offered,
        "ok": total.ok,
        "failed": dict(total.failed),
        "latency": {f"p{percent:g}": rounded(total.latency.percentile(percent)) for percent in PERCENTILES}
        | {"mean": rounded(total.latency.mean), "max": rounded(total.latency.maximum)},
        "first_token": {f"p{percent:g}": rounded(total.first_token.percentile(percent)) for percent in PERCENTILES}
        if total.first_token.counts
        else None,
        "delay_p99": rounded(total.delay.percentile(99)),
    }


def thinned(intervals: Iterable[Interval], seconds: float) -> Iterable[Interval]:
    """Return the intervals of a long run as fewer and longer ones, each with the second that it begins at."""
    step = max(math.ceil(seconds / MOST_INTERVALS), 1)
    found: dict[tuple[int, FlowKey], Interval] = {}
    for interval in intervals:
        begin = interval.second // step * step
        found.setdefault((begin, interval.key), Interval(begin, interval.key)).add(interval)
    return found.values()


def interval_json(interval: Interval) -> dict[str, Any]:
    """Return one second of a class and tenant, with its histograms."""
    found: dict[str, Any] = {
        "second": interval.second,
        "class": interval.key.request_class,
        "tenant": interval.key.tenant,
        "offered": interval.offered,
        "ok": interval.ok,
        "failed": dict(interval.failed),
        "latency": histogram_json(interval.latency),
    }
    if interval.first_token.counts:
        found["first_token"] = histogram_json(interval.first_token)
    return found
