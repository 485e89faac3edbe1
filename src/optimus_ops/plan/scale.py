"""Planning `scale`, `up` and `migrate`: from what is wanted and what runs to steps."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.checks import check_scalable, check_services
from optimus_ops.plan.images import prepare_steps
from optimus_ops.plan.inputs import ObservedInputs, idle_images
from optimus_ops.plan.jobs import due_jobs, migrate_steps
from optimus_ops.plan.order import needed_by
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.staleness import staleness
from optimus_ops.plan.start import start_steps, too_few
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import SETTLE_SECONDS, Remove, Start, Stop, VerifyRouting
from optimus_ops.plan.stop import conditions, ended_replicas, leaving_first, refs, resume_steps

Forced = Mapping[str, tuple[Replica, ...]]


def plan_scale(stack: Stack, state: State, request: ScaleRequest, inputs: ObservedInputs) -> Plan:
    """Plan how to get from what runs to the requested numbers of replicas, with the rest of the stack up.

    Order: secrets, images, stores, migrations, replicas, balancer, proof of the routing, and jobs before what waits for
    them; what services say of one another comes first (`start_order`). Then surplus replicas leave, all of a service at
    once, with the proof that they get no traffic any more. They are removed last: until then an undo starts them again.
    """
    resume, state = resume_steps(state), state.resumed()
    check_services(stack, [*request.counts, *request.build])
    stack, left_out = _without_unobtainable(stack, state, inputs)
    check_scalable(stack, request.counts)
    wanted = wanted_counts(stack, state, request.counts, inputs.before)
    forced = _forced_out(stack, state, request)
    peak = _peak(state, wanted, forced)
    prepare = prepare_steps(stack, state, request, inputs)
    jobs = _jobs(stack, state, request, inputs, too_few(state, peak), whole=True)
    start = start_steps(stack, state, peak, jobs, request.counts)
    verify = _verify_started(stack, state, peak, start)
    stop = _stop_steps(stack, state, wanted, inputs, forced)
    return Plan(state.project, request.purpose, (*resume, *prepare, *start, *verify, *stop)).noting(left_out)


def plan_migrate(stack: Stack, state: State, inputs: ObservedInputs) -> Plan:
    """Plan one run of the migrations job, with what it needs."""
    if stack.migrations is None:
        raise Refused("this stack has no migrations job", "name it in [tool.optimus-ops] migrations")
    resume, state = resume_steps(state), state.resumed()
    request = ScaleRequest(run_migrations=True, purpose="migrate")
    needed = needed_by(stack, stack.migrations)
    wanted = {name: count for name, count in wanted_counts(stack, state, {}, inputs.before).items() if name in needed}
    prepare = prepare_steps(stack, state, request, inputs)
    jobs = _jobs(stack, state, request, inputs, too_few(state, wanted), whole=False)
    return Plan(state.project, request.purpose, (*resume, *prepare, *start_steps(stack, state, wanted, jobs)))


def wanted_counts(
    stack: Stack, state: State, requested: Mapping[str, int], before: Mapping[str, int]
) -> dict[str, int]:
    """Return how many replicas each lasting service should have: as requested, else as now, else as in the files.

    "Now" is what was there before a change that was killed, where there was one.
    """
    return {
        name: requested.get(name) or before.get(name) or len(state.lasting(name)) or service.default_replicas
        for name, service in stack.services.items()
        if name not in stack.jobs
    }


def _without_unobtainable(stack: Stack, state: State, inputs: ObservedInputs) -> tuple[Stack, tuple[str, ...]]:
    """Return the stack without services that the others do without and whose image can't be had, and a note on each."""
    missing = {
        name: service.image
        for name, service in stack.services.items()
        if service.optional and not service.off and service.image in inputs.unobtainable and not state.running(name)
    }
    services = {name: service for name, service in stack.services.items() if name not in missing}
    notes = (
        f"{name} is left out: no registry answers for {image}, and there is no fallback image"
        for name, image in missing.items()
    )
    return replace(stack, services=services), tuple(notes)


def _forced_out(stack: Stack, state: State, request: ScaleRequest) -> Forced:
    """Return service -> troubled replicas that are replaced on request; without that they stay."""
    names = (tuple(request.counts) or stack.scalable) if request.force else ()
    return {name: tuple(replica for replica in state.running(name) if replica.troubled) for name in names}


def _peak(state: State, wanted: Mapping[str, int], forced: Forced) -> dict[str, int]:
    """Return service -> replicas that run at once: those that are replaced leave after their successors serve."""
    running = {name: len(state.running(name)) for name in wanted}
    return {
        name: running[name] + max(count - running[name] + len(forced.get(name, ())), 0)
        for name, count in wanted.items()
    }


def _jobs(
    stack: Stack,
    state: State,
    request: ScaleRequest,
    inputs: ObservedInputs,
    starting: Iterable[str],
    *,
    whole: bool,
) -> dict[str, tuple[Step, ...]]:
    starting = tuple(starting)
    built = {stack.services[name].image for name in request.build}
    rebuilt = built | (inputs.outdated & frozenset(idle_images(stack, state)))
    migrate = migrate_steps(stack, state, inputs, starting, rebuilt=built, requested=request.run_migrations)
    return due_jobs(stack, state, inputs, starting, rebuilt, migrate, whole=whole)


def _verify_started(stack: Stack, state: State, peak: Mapping[str, int], steps: Iterable[Step]) -> tuple[Step, ...]:
    started = {name for step in steps if isinstance(step, Start) for name, _count in step.counts}
    names = [name for name in stack.routed if stack.balancer in started or name in started]
    counts = tuple((name, max(peak[name], len(state.running(name)))) for name in names)
    return (VerifyRouting(counts=counts, cause=Cause("replicas were started")),) if counts else ()


def _stop_steps(
    stack: Stack, state: State, wanted: Mapping[str, int], inputs: ObservedInputs, forced: Forced
) -> tuple[Step, ...]:
    """Return the steps that take services down to their counts, and remove what ended."""
    stale = staleness(stack, state, stack.scalable, inputs)
    surplus = {name: count - wanted[name] for name, count in _peak(state, wanted, forced).items()}
    stops = [
        _stop(stack, state, name, count, wanted[name], stale, forced.get(name, ()))
        for name, count in surplus.items()
        if count > 0
    ]
    counts = tuple((name, wanted[name]) for name in stack.routed if surplus.get(name, 0) > 0)
    settle = VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=Cause("replicas were removed"))
    ended = ended_replicas(state, stack.scalable)
    gone = (*(ref for step in stops for ref in step.containers), *refs(ended))
    cause = joined([*(step.cause for step in stops), *conditions(ended)])
    remove = (Remove(containers=gone, cause=cause),) if gone else ()
    return (*stops, *((settle,) if counts else ()), *remove)


def _stop(
    stack: Stack,
    state: State,
    name: str,
    surplus: int,
    wanted: int,
    stale: Container[str],
    forced: tuple[Replica, ...],
) -> Stop:
    """Return the step that takes a service down to its count; forced replicas leave in any case."""
    running = state.running(name)
    others = [replica for replica in running if replica not in forced]
    leaving = (*forced, *leaving_first(others, surplus - len(forced), stale))
    unwell = "; ".join(f"{replica.name} {replica.condition} (--force)" for replica in forced)
    cause = Cause(unwell, "requested") if unwell else Cause(f"{name}: {len(running)} running, {wanted} wanted", "count")
    return Stop(containers=refs(leaving), seconds=stack.services[name].stop_seconds, cause=cause)
