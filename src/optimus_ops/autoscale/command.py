"""`invoke autoscale`: the stack, the configuration, and the loop."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from optimus_ops.autoscale.act import recover, scale_to
from optimus_ops.autoscale.config import read_config
from optimus_ops.autoscale.heartbeat import Heartbeat
from optimus_ops.autoscale.loop import Autoscaler
from optimus_ops.autoscale.tick import OWN_RULE, DecisionRule
from optimus_ops.balancer.routing import Prober
from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused
from optimus_ops.rollout.requests import with_deadlines
from optimus_ops.stack.context import StackContext
from optimus_ops.text.console import Console, print_json


def autoscale(
    *, config_file: str, once: bool, plan: bool, json: bool, seconds: float, rule: DecisionRule = OWN_RULE
) -> None:
    """Let the services of the configuration follow their load for some seconds.

    Raises:
        Refused: the stack does not run, or the configuration can't be.
        OpsError: the last change failed.
    """
    options = with_deadlines(ChangeOptions(plan=plan))
    # The document at the end is alone on standard output.
    console = Console.for_stream(sys.stderr if json else sys.stdout)

    def opened() -> StackContext:
        return replace(StackContext.open((), options), console=console)

    context = opened()
    config = read_config(context.project.root, config_file)
    files, state = context.observe()
    if not any(replica.running for replica in state.replicas):
        raise Refused(f"{context.project.name} does not run", "start it with: invoke up")
    # In a container (compose/docker-compose.autoscale.yml) the host's loopback is not ours.
    prober = Prober(published=os.environ.get("OPTIMUS_BALANCER") != "inside")
    scaler = Autoscaler(
        context,
        files.stack,
        config,
        lambda counts: scale_to(opened, counts, prober),
        lambda: recover(opened(), prober),
        rule=rule,
        heartbeat=Heartbeat.of(os.environ),
    )
    scaler.run(once=once, seconds=seconds)
    if json:
        print_json(scaler.document())
    scaler.check_outcome()
