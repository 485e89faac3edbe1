"""`invoke redis.failover`: hand the master's part to a replica, on purpose and without loss."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.discovery import find_deployment
from optimus_ops.redis.failover_executor import FailoverExecutor
from optimus_ops.redis.resample import resample
from optimus_ops.redis.steps import CoordinatedFailover, ResetReplicaPriority, SetReplicaPriority, VerifyFailover
from optimus_ops.redis.target import parse_flags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.checks.model import Check
    from optimus_ops.plan.step import Step
    from optimus_ops.redis.model import Server, Topology
    from optimus_ops.redis.target import Flags


def failover(
    flags: Flags, options: ChangeOptions, *, to: str = "", force: bool = False, root: Path | None = None
) -> None:
    """Look, refuse what is unhealthy, hand over, verify.

    Args:
        flags: which group: that of the stack, or what sentinels name.
        options: --plan, --json, --lock-wait.
        to: the server that is to be master; any if "".
        force: whether it is done although checks fail.
        root: the checkout; the current folder if not given.

    Raises:
        OpsError: a step failed; the message says what the group is like.
        Refused: there are no sentinels, checks fail, or `to` is no replica of the group.
    """
    target = parse_flags(flags)
    project = load_project(root)
    place = find_deployment(target, project)

    name = f"redis-{re.sub('[^A-Za-z0-9_-]', '-', flags.sentinels[0])}" if target.outside else project.name
    with ChangeRun(project.state, name, options) as run:
        with run.observing("Redis"):
            topology = resample(place.observe(rewrite=not options.plan), place.server)
            if not force:
                refuse_unhealthy(topology, run_checks(topology))
            plan = plan_failover(topology, to)
        executor = FailoverExecutor(place)
        run.execute(plan, executor)
        run.finish(executor.outcome())


def refuse_unhealthy(topology: Topology, checks: Sequence[Check]) -> None:
    """Refuse a fail-over where a check of the group fails; single caches beside it don't matter.

    Raises:
        Refused: naming the checks.
    """
    beside = {server.node.name for server in topology.servers if server not in topology.members}
    failed = [check for check in checks if check.verdict == "failed" and check.subject not in beside]
    if topology.sentinels and failed:
        shown = "\n    ".join(f"{check.subject} {check.name}: {check.found}" for check in failed)
        raise Refused(
            f"{len(failed)} checks fail:\n    {shown}", "mend that first (invoke validate-redis says how), or --force"
        )


def plan_failover(topology: Topology, to: str = "") -> Plan:
    """Plan the fail-over; empty if `to` is the master already.

    Args:
        topology: what was observed.
        to: name or address of the server that is to be master; any if "".

    Raises:
        Refused: there are no sentinels, there is no one master, or `to` is no server of the group.
    """
    if not topology.sentinels:
        raise Refused(
            f"{topology.title} has no sentinels: nobody can take over", "start it with them: invoke scale --sentinel"
        )
    masters = [server for server in topology.members if server.role == "master"]
    if len(masters) != 1:
        raise Refused(f"there are {len(masters)} masters; one is wanted", "invoke validate-redis says what to do")
    [old] = masters
    wanted = _wanted(topology, to) if to else None
    if wanted is old:
        return Plan(topology.title, "redis.failover")
    names = {"server": old.node.name, "master": topology.master}
    cause = f"{old.node.name} is the master" + (f", {wanted.node.name} is wanted" if wanted else "")
    steps: list[Step] = []
    if wanted:
        steps.append(
            SetReplicaPriority(
                server=wanted.node.name, master=topology.master, cause=Cause("sentinels choose otherwise")
            )
        )
    steps.append(CoordinatedFailover(**names, cause=Cause(cause)))
    checked = wanted.node.name if wanted else ""
    steps.append(VerifyFailover(**names, wanted=checked, cause=Cause("an answer of one sentinel is no proof")))
    if wanted:
        steps.append(
            ResetReplicaPriority(server=wanted.node.name, cause=Cause("a later fail-over chooses the freshest replica"))
        )
    return Plan(topology.title, "redis.failover", tuple(steps))


def _wanted(topology: Topology, to: str) -> Server:
    known = topology.addresses
    for server in topology.members:
        own = known.canonical(server.node.address)
        names = {str(address) for address in known.aliases if known.canonical(address) == own}
        if to in {server.node.name, str(server.node.address), server.node.address.host, *names}:
            if not server.role:
                raise Refused(f"{to} does not answer: it can't be the master", server.unreachable_reason or None)
            return server
    there = ", ".join(server.node.name for server in topology.members)
    raise Refused(f"{to!r} is none of the servers that replicate with each other", f"they are: {there}")
