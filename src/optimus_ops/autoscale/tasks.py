"""Tasks: autoscale (`autoscale.run`), autoscale.simulate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from invoke.collection import Collection
from invoke.context import Context

from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from optimus_ops.engine.service_names import ServiceNames

CONFIG_HELP = "file of settings (config/autoscale.yaml)"
Seed = Annotated[int, Count(most=10**9, noun="a seed is a whole number", hint=None)]


@task(
    help={
        "service": "service of config/autoscale.yaml whose settings are used (the first one)",
        "profile": "profile of load-test, as spike (built in: ten times the traffic in 30 s, for five minutes)",
        "arrivals": "CSV file of second,class,rate (requests per second)",
        "seed": "number that the requests are drawn from: the same one gives the same requests (1)",
        "json": "print one JSON document on standard output",
        "config": CONFIG_HELP,
        "report": "folder for a report: Markdown, a page, pictures, JSON",
    },
)
def simulate(
    _: Context,
    service: str = "",
    profile: str = "",
    arrivals: str = "",
    seed: Seed = 1,
    json: bool = False,
    report: str = "",
    config: str = "",
) -> None:
    """Simulate our scaling rule beside HPA's, KEDA's and a fixed number, on a queueing model."""
    from optimus_ops.autoscale.simulate.command import SimulationRequest, simulate_command

    request = SimulationRequest(config, service, profile, arrivals, seed)
    simulate_command(request, json=json, report=report)


@task(
    help={
        "once": "decide once, from two readings, and act at most once",
        "plan": "change nothing: print each decision and the plan that would be carried out",
        "for": "how long, such as 90s, 30m, 8h (until Ctrl-C)",
        "json": "print one JSON document on standard output at the end",
        "config": CONFIG_HELP,
    },
)
def run(
    _: Context, once: bool = False, plan: bool = False, for_: str = "", json: bool = False, config: str = ""
) -> None:
    """Let replicas follow the load within the budgets, by config/autoscale.yaml.

    Each 2 s: reads /metrics of every replica, decides, and scales as `scale` does. Ctrl-C ends it between two ticks.
    """
    from optimus_ops.autoscale.command import autoscale
    from optimus_ops.errors import Refused
    from optimus_ops.text.durations import parse_duration

    if once and for_:
        raise Refused("--once and --for: one of them")
    seconds = parse_duration(for_, "--for") if for_ else float("inf")
    autoscale(config_file=config, once=once, plan=plan, json=json, seconds=seconds)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the collection; `invoke autoscale` is its task `run`."""
    collection = Collection("autoscale")
    collection.add_task(run, default=True)
    collection.add_task(simulate)
    namespace.add_collection(collection)
