"""`invoke lb.check`: the routing of each service."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict

from optimus_ops.balancer.routing import Routing, check_routing, endpoint_of
from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.checks import check_services
from optimus_ops.plan.differences import differences
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import observe_current_versions
from optimus_ops.text.console import Console, print_json

DEADLINE_SECONDS = 10.0


class BadRouting(OpsError):  # noqa: N818 - named as its base: what failed
    """The balancer does not route as it should."""


def check(services: Sequence[str], *, json: bool) -> None:
    """Check the routing of some services, or of all that the balancer routes to."""
    context = StackContext.open((), ChangeOptions(json=json))
    files, state = context.observe()
    stack = files.stack
    if stack.balancer is None:
        raise Refused("this stack has no balancer", "name it in [tool.optimus-ops] balancer")
    check_services(stack, services)
    for name in services:
        if name not in stack.routed:
            raise Refused(f"the balancer routes nothing to {name}", f"it routes to: {', '.join(stack.routed)}")
    found: list[Routing] = []
    for name in services or stack.routed:
        expected = {replica.hostname: replica.name for replica in state.of(name) if replica.occupied}
        endpoint = endpoint_of(stack, state, name)
        probe = functools.partial(check_routing, name, endpoint, expected, deadline=DEADLINE_SECONDS)
        found.append(show(context.console, f"{name} through {stack.balancer} ({endpoint})", probe))
    bad = [routing for routing in found if not routing.good]
    differing = differences(stack, state, observe_current_versions(context.compose, context.docker, files, state))
    for difference in differing:
        context.console.say(f"  ! {difference.text}")
    if json:
        services_found = [{**asdict(routing), "good": routing.good, "verdict": routing.verdict} for routing in found]
        print_json(
            {
                "good": not bad,
                "services": services_found,
                "differences": [asdict(difference) for difference in differing],
            }
        )
    if bad:
        raise BadRouting("\n    ".join(f"{routing.service}: {routing.verdict}" for routing in bad))


def show(console: Console, title: str, probe: Callable[[], Routing]) -> Routing:
    """Check the routing of one service as a step of the console."""
    # What is bad is reported at the end, of all services; here it only decides about the mark in front of the line.
    with contextlib.suppress(BadRouting), console.step(title) as progress:
        routing = probe()
        names = {host: routing.expected.get(host, host) for host in routing.seen}
        shares = ", ".join(f"{names[host]} x{count}" for host, count in sorted(routing.seen.items()))
        progress.note = f"{routing.verdict} ({shares or 'no answers'})"
        if not routing.good:
            raise BadRouting(routing.verdict)
    return routing
