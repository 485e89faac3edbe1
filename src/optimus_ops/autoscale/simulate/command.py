"""`invoke autoscale.simulate`: the rules side by side, as text, JSON and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optimus_ops.autoscale.config import read_config
from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.autoscale.simulate.arrivals import FACTOR, read_arrivals, spike
from optimus_ops.autoscale.simulate.model import Arrivals, Scenario
from optimus_ops.autoscale.simulate.profile import project_arrivals
from optimus_ops.autoscale.simulate.queueing import simulate
from optimus_ops.autoscale.simulate.report import simulation_report
from optimus_ops.autoscale.simulate.rules import AutoscaleRule, FixedRule, HpaRule, KedaRule, ScalingRule
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.json_document import document
from optimus_ops.reports.terminal import print_run
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console, print_json

FULL = 0.8
"""Share of the most replicas that the built-in spike needs at its top."""


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What is simulated: a service of a configuration, under a profile, a file of arrivals, or the built-in spike.

    "" stands for the project's own file, its first service, and neither of the two.
    """

    config: str = ""
    service: str = ""
    profile: str = ""
    arrivals: str = ""
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse two loads."""
        if self.profile and self.arrivals:
            raise Refused("--profile and --arrivals: one of them")


def simulate_command(request: SimulationRequest, *, json: bool, report: str) -> None:
    """Simulate one service of the configuration, and show what each rule makes of it."""
    project = load_project()
    config = read_config(project.root, request.config)
    settings = config.of(request.service) if request.service else config.services[0]
    found = read_arrivals(Path(request.arrivals)) if request.arrivals else None
    if request.profile:
        found = project_arrivals(project, request.profile, settings.service)
    scenario = scenario_of(settings, found, request.seed)
    console = Console.standard(json=json)
    with console.waiting("simulating"):
        results = simulate(scenario, rules_of(scenario))
    run = simulation_report(scenario, results, command())
    if report:
        write_report(run, Path(report), "autoscale-simulation")
    if json:
        print_json(document(run))
    else:
        print_run(run, console)


def scenario_of(settings: ServiceSettings, arrivals: Arrivals | None, seed: int = 1) -> Scenario:
    """Return the scenario of a service; without arrivals, ten times the traffic up to most of what its bound serves."""
    if arrivals is None:
        built_in = spike(1.0)
        top = settings.most * settings.target_in_flight * FULL
        arrivals = spike(top / FACTOR / built_in.offered(0))
    return Scenario(arrivals, settings, start_up=settings.start_up_lead, seed=seed)


def rules_of(scenario: Scenario) -> Sequence[ScalingRule]:
    """Return ours, HPA's, KEDA's, and a fixed number that is enough for the highest load."""
    settings = scenario.settings
    top = max(scenario.arrivals.offered(second) for second in range(scenario.arrivals.seconds))
    enough = min(max(int(-(-top // settings.target_in_flight)), settings.least), settings.most)
    return AutoscaleRule(replace(settings)), HpaRule(settings), KedaRule(settings), FixedRule(enough)
