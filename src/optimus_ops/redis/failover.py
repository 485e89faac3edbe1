"""`invoke redis.failover`: planned failover to a replica, without data loss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import refuse_unhealthy
from optimus_ops.redis.discovery import find_deployment
from optimus_ops.redis.failover_executor import FailoverExecutor, priority_overrides
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.overridden_settings import Override, left_overridden
from optimus_ops.redis.resample import resample
from optimus_ops.redis.steps import CoordinatedFailover, ResetReplicaPriority, SetReplicaPriority, VerifyFailover
from optimus_ops.redis.target import Flags, parse_flags

MEND_HINT = "mend that first (invoke validate-redis says how), or --force"


@dataclass(frozen=True, slots=True)
class FailoverRequest:
    """A group and the server that is to be its master."""

    flags: Flags
    to: str = ""  # "" for any
    force: bool = False  # although checks fail


def failover(request: FailoverRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Fail over to a replica of a healthy group; raise `Refused` where that can't be, `OpsError` if a step fails."""
    target, project = parse_flags(request.flags), load_project(root)
    deployment = find_deployment(target, project)
    outside = f"redis-{re.sub('[^A-Za-z0-9_-]', '-', ''.join(request.flags.sentinels[:1]))}"
    with ChangeRun(project.state, outside if target.outside else project.name, options) as run:
        with run.observing("Redis"):
            topology = resample(deployment.observe(rewrite=not options.plan), deployment.server)
            if not request.force:
                refuse_unhealthy(topology, MEND_HINT)
            left = left_overridden(project.state / "journal", topology, deployment.server)
            plan = plan_failover(topology, request.to, left)
        executor = FailoverExecutor(deployment, overrides=priority_overrides(plan, topology, left), left=left)
        run.execute(plan, executor)
        run.finish(executor.facts)


def plan_failover(topology: Topology, to: str = "", left: tuple[Override, ...] = ()) -> Plan:
    """Plan the failover to a server (a name or address); settings that were left overridden are put back first."""
    if not topology.sentinels:
        raise Refused(
            f"{topology.title} has no sentinels: nobody can take over", "start it with them: invoke scale --sentinel"
        )
    masters = topology.of_role("master")
    if len(masters) != 1:
        raise Refused(f"there are {len(masters)} masters; one is wanted", "invoke validate-redis says what to do")
    wanted = _wanted(topology, to) if to else None
    steps = () if wanted is masters[0] else _failover_steps(topology.master, masters[0], wanted)
    return Plan(topology.title, "redis.failover", (*(override.step for override in left), *steps))


def _failover_steps(master: str, old: Server, wanted: Server | None) -> tuple[Step, ...]:
    name, new = old.node.name, wanted.node.name if wanted else ""
    cause = Cause(f"{name} is the master" + (f", {new} is wanted" if new else ""))
    proof = Cause("an answer of one sentinel is no proof")
    steps: tuple[Step, ...] = (
        CoordinatedFailover(server=name, master=master, cause=cause),
        VerifyFailover(server=name, wanted=new, master=master, cause=proof),
    )
    if not new:
        return steps
    later = Cause("a later fail-over chooses the freshest replica")
    return (
        SetReplicaPriority(server=new, master=master, cause=Cause("sentinels choose otherwise")),
        *steps,
        ResetReplicaPriority(server=new, cause=later),
    )


def _wanted(topology: Topology, to: str) -> Server:
    known = topology.addresses
    for server in topology.members:
        own = server.node.address
        names = {str(address) for address in known.aliases if known.same(address, own)}
        if to in {server.node.name, str(own), own.host, *names}:
            if not server.role:
                raise Refused(f"{to} does not answer: it can't be the master", server.unreachable_reason or None)
            return server
    there = ", ".join(server.node.name for server in topology.members)
    raise Refused(f"{to!r} is none of the servers that replicate with each other", f"they are: {there}")
