"""What a load test would send, for `--plan`: flows, their numbers of requests, targets and objectives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from optimus_ops.load.rates import peak_rate
from optimus_ops.loadtest.judgement import FAILURES
from optimus_ops.loadtest.model import Flow, Profile, Threshold
from optimus_ops.loadtest.offered import flow_requests, most_requests, peak_of
from optimus_ops.text.table import make_table, render


@dataclass(frozen=True)
class LoadPlan:
    """A load, ready to be offered; `bases` is class -> URL, `paths` class -> path where that is given."""

    profile: Profile
    engine: str
    workers: int
    bases: Mapping[str, str]
    paths: Mapping[str, str]


def plan_text(plan: LoadPlan, *, colour: bool, columns: int) -> str:
    """Return the plan for people."""
    return render(_parts(plan), colour=colour, columns=columns)


def plan_json(plan: LoadPlan) -> dict[str, Any]:
    """Return the plan as a document."""
    profile = plan.profile
    return {
        "profile": profile.name,
        "summary": profile.summary,
        "seconds": profile.seconds,
        "engine": plan.engine,
        "workers": plan.workers,
        "requests_at_most": round(most_requests(profile)),
        "peak_rate": round(peak_of(profile), 3),
        "flows": [
            {
                "class": flow.key.request_class,
                "tenant": flow.key.tenant,
                "target": plan.bases[flow.key.request_class] + plan.paths.get(flow.key.request_class, ""),
                "users": flow.users,
                "stages": [[stage.at, round(stage.rate, 3)] for stage in flow.stages],
                "requests_at_most": round(flow_requests(flow, profile.seconds)),
            }
            for flow in profile.flows
        ],
        "objectives": [
            {
                "class": each.key.request_class,
                "tenant": each.key.tenant,
                "figure": each.figure,
                "at_most": each.most,
            }
            for each in profile.thresholds
        ],
    }


def _parts(plan: LoadPlan) -> Iterator[RenderableType]:
    profile = plan.profile
    yield Text(f"{profile.name}: {profile.summary}, for {profile.seconds:g} s, by {plan.engine} ({plan.workers})")
    rows = [
        (
            flow.key.request_class,
            flow.key.tenant,
            _pace(flow),
            f"{flow_requests(flow, profile.seconds):,.0f}",
            plan.bases[flow.key.request_class] + plan.paths.get(flow.key.request_class, ""),
        )
        for flow in profile.flows
    ]
    yield make_table(("CLASS", "TENANT", "LOAD", "REQUESTS", "TARGET"), rows, right=("REQUESTS",), folded=("TARGET",))
    kind = "at most" if any(flow.users for flow in profile.flows) else "about"
    yield Text(f"{kind} {most_requests(profile):,.0f} requests in all")
    for threshold in profile.thresholds:
        yield Text(f"objective: {threshold_text(threshold)}")
    if rule := profile.fairness:
        yield Text(f"objective: {rule.quiet}'s p95 after {rule.begins:g} s at most {rule.most:g} x that before")


def threshold_text(threshold: Threshold) -> str:
    """Return a threshold in words."""
    bound = f"{threshold.most * 100:g} %" if threshold.figure == FAILURES else f"{threshold.most * 1000:,.0f} ms"
    return f"{threshold.key} {threshold.figure} at most {bound}"


def _pace(flow: Flow) -> str:
    if flow.users:
        return f"{flow.users} user{'s' * (flow.users != 1)}, one request in {flow.pause:g} s each at most"
    first, peak = flow.stages[0].rate, peak_rate(flow.stages)
    return f"{first:g}/s" if len(flow.stages) == 1 else f"{first:g}/s to {peak:g}/s"
