"""Tasks: autoscale (later `autoscale.run`), autoscale.simulate."""

from __future__ import annotations

from typing import Annotated

from invoke.context import Context

from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task

Seed = Annotated[int, Count(most=10**9, noun="a seed is a whole number", hint=None)]


@task(
    help={
        "service": "service of config/autoscale.yaml whose settings are used (the first one)",
        "arrivals": "CSV file of second,class,rate (requests per second); without it, ten times the traffic in 30 s",
        "seed": "number that the requests are drawn from: the same one gives the same requests (1)",
        "json": "print one JSON document on standard output",
        "report": "folder for a report: Markdown, a page, pictures, JSON",
    },
)
def simulate(
    _: Context, service: str = "", arrivals: str = "", seed: Seed = 1, json: bool = False, report: str = ""
) -> None:
    """Simulate our scaling rule beside HPA's, KEDA's and a fixed number, on a queueing model."""
    from optimus_ops.autoscale.simulate.command import simulate_command

    simulate_command(service=service, arrivals=arrivals, seed=seed, json=json, report=report)
