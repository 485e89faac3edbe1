"""What a plan mentions though it does nothing about it, and what runs after a change."""

from __future__ import annotations

from typing import Any

from optimus_ops.engine.leftovers import last_lines, observe_leftovers
from optimus_ops.model.state import State, ended_badly
from optimus_ops.plan.notes import Notices
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import WantedStack


def observe_notices(context: StackContext, files: WantedStack, state: State) -> Notices:
    """Observe the last output of what ended badly, and leftovers."""
    output = last_lines(context.docker, ended_badly(state, files.stack.jobs))
    leftovers = observe_leftovers(context.docker, context.compose, files.document, files.stack, state)
    return Notices(output, leftovers)


def replica_summary(context: StackContext) -> dict[str, Any]:
    """Show the number of ready replicas of each service; return the replicas as they stand in the JSON document."""
    state = context.docker.observe(context.project.name)
    services = sorted({replica.service for replica in state.replicas if replica.running})
    counts = {name: sum(replica.ready for replica in state.of(name)) for name in services}
    context.console.say(f"{context.project.name}: " + ", ".join(f"{name}={count}" for name, count in counts.items()))
    return {
        name: [
            {"name": replica.name, "hostname": replica.hostname, "ready": replica.ready, "image": replica.image}
            for replica in state.running(name)
        ]
        for name in services
    }
