"""What runs after a change, service by service."""

from __future__ import annotations

from typing import Any

from optimus_ops.stack.context import StackContext


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
