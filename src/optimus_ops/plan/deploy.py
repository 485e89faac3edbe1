"""Planning `deploy` and `rollback`: start-first rolling replacement, service by service, batch by batch.

The old version serves throughout: new replicas start beside it, are proven healthy and reached by the balancer, are
observed, and only then do old ones drain. Those are removed last of all; until then an undo starts them again, exactly
as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.order import start_order
from optimus_ops.plan.pulling import check_obtainable, check_pullable, moved_cause
from optimus_ops.plan.scale import (
    SETTLE_SECONDS,
    ScaleRequest,
    bases_of,
    bases_steps,
    check_services,
    ended_replicas,
    going,
    migrate_steps,
    resume_steps,
    routed,
    secrets_steps,
    victims,
)
from optimus_ops.plan.stale import stale_replicas, staleness
from optimus_ops.plan.start import JobVersions, due_jobs, healthy_first, wait_for_dependencies
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import (
    Build,
    CheckConfig,
    CheckContracts,
    CheckMigrations,
    Keep,
    Observe,
    Pin,
    Pull,
    Reload,
    Remove,
    Restart,
    Start,
    Stop,
    VerifyRouting,
    WaitDependency,
    WaitHealthy,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from optimus_ops.model.pull_policy import Asking
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State
    from optimus_ops.plan.scale import ObservedInputs

OUTAGE = "plan one: invoke down, then invoke up"


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What was asked for.

    Args:
        services: the services, in the order in which they are replaced.
        named: whether they were named, and not all are meant.
        images: service -> image, of those that shall have another one than the Compose files say ("": back to that).
        environment: service, variable, value: variables that are pinned as well.
        repin: whether any of these is pinned otherwise now.
        parallelism: how many old replicas drain at once.
        surge: how many replicas there may be above the wanted number at any moment, draining ones included.
        asking: whether registries are asked what images stand for now.
        observe: seconds for which the new replicas of each batch are compared with the old ones.
        allow_contract: whether migrations may take away what the running version uses.
        force: whether replicas are replaced that are not stale.
        migrate: whether jobs run, the migrations where the image is their own.
        dependents: those of the services that are replaced only after what they depend on with `restart: true` was.
        purpose: what the plan is called.
    """

    services: tuple[str, ...]
    named: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[tuple[str, str, str], ...] = ()
    repin: bool = False
    parallelism: int = 1
    surge: int = 1
    asking: Asking = "by policy"
    observe: float = 10.0
    allow_contract: bool = False
    force: bool = False
    migrate: bool = True
    dependents: frozenset[str] = frozenset()
    purpose: str = "deploy"


@dataclass(frozen=True, slots=True)
class Replacement:
    """How one service gets from old replicas to new ones.

    Args:
        service: the service.
        wanted: how many replicas it has afterwards.
        old: those that go, in the order in which they go.
        new: how many run already that need not be replaced.
        ended: containers that run no more, those that end again and again included.
        cause: why.
    """

    service: str
    wanted: int
    old: tuple[Replica, ...]
    new: int
    ended: tuple[Replica, ...]
    cause: str


def plan_deploy(stack: Stack, state: State, request: DeployRequest, around: ObservedInputs) -> Plan:
    """Plan how stale replicas are replaced, with the old version serving throughout.

    Args:
        stack: what is wanted, with the images of the request.
        state: what runs.
        request: what was asked for.
        around: what else was observed.

    Raises:
        Refused: a service is unknown, can't be replaced without an outage, or has nothing running.
    """
    resume, state = resume_steps(state), state.resumed()
    check_services(stack, request.services)
    check_replaceable(stack, state, request.services)
    items = _replacements(stack, state, request, around)
    reload = _reload_steps(stack, state, request, around)
    steps: list[Step] = [*resume]
    if items or request.repin:
        steps.extend(_image_steps(stack, request, around, items))
    if items:
        names = tuple(item.service for item in items)
        steps.append(CheckContracts(services=names, cause=Cause("services that call each other run beside it")))
        migrate = _migrate_steps(stack, state, request, around, names)
        steps.extend(_before_start(stack, state, request, around, names, migrate))
    for item in items:
        steps.extend(_roll(stack, request, item))
    restart = _restart_steps(stack, state, tuple(item.service for item in items))
    return Plan(state.project, request.purpose, (*steps, *restart, *reload, *_last_steps(stack, items)))


def dependents_of(stack: Stack, state: State, services: Iterable[str]) -> frozenset[str]:
    """Return the services that are to be restarted, and so replaced, after some services were (`restart: true`).

    Args:
        stack: what is wanted.
        state: what runs.
        services: those that may be replaced; services that depend on dependents are among the result.
    """
    reached, found = set(services), set[str]()
    while more := {name for name in _restarted(stack, state, reached) if stack.services[name].scalable} - reached:
        reached |= more
        found |= more
    return frozenset(found)


def _restarted(stack: Stack, state: State, replaced: Collection[str]) -> tuple[str, ...]:
    """Return the services that run and say `restart: true` of one that is replaced."""
    return tuple(
        name
        for name, service in stack.services.items()
        if state.running(name)
        and any(dependency.restart and needed in replaced for needed, dependency in service.depends_on.items())
    )


def _restart_steps(stack: Stack, state: State, replaced: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the restarts of what can't be replaced while it serves, and depends on what was."""
    steps: list[Step] = []
    for name in _restarted(stack, state, replaced):
        if stack.services[name].scalable:
            continue
        named = ", ".join(needed for needed, told in stack.services[name].depends_on.items() if told.restart)
        running, seconds = state.running(name), stack.services[name].stop_seconds
        cause = f"{name} depends on {named} with restart: true"
        steps.append(Restart(service=name, victims=going(running), seconds=seconds, cause=Cause(cause)))
        steps.append(WaitDependency(services=(name,), cause=Cause("it was restarted")))
    return tuple(steps)


def _before_start(
    stack: Stack,
    state: State,
    request: DeployRequest,
    around: ObservedInputs,
    names: tuple[str, ...],
    migrate: tuple[Step, ...],
) -> tuple[Step, ...]:
    """Return what has to be done before the first new replica starts: dependencies healthy, jobs ended well."""
    starting = (*names, *((stack.migrations,) if migrate and stack.migrations else ()))
    versions = JobVersions(around.images, rebuilt_images(stack, request, around), around.changed_jobs)
    jobs = due_jobs(stack, state, starting, versions, whole=False) if request.migrate else {}
    waits = wait_for_dependencies(state, healthy_first(stack, (*starting, *jobs)))
    steps = {**jobs, **({stack.migrations: migrate} if migrate and stack.migrations else {})}
    return (*waits, *(step for group in start_order(stack, steps) for name in group for step in steps[name]))


def check_replaceable(stack: Stack, state: State, services: tuple[str, ...]) -> None:
    """Refuse services that can't be replaced while they serve."""
    for name in services:
        if name in stack.jobs or name == stack.migrations:
            way = "invoke migrate" if name == stack.migrations else "invoke up, before what waits for it starts"
            raise Refused(f"{name} is a job: it is run, not deployed", f"run it with: {way}")
        if fixed := stack.services[name].fixed:
            raise Refused(
                f"{name} can't be replaced without an outage: only one container can have {' and '.join(fixed)}",
                "take that out of the Compose file, or plan an outage: invoke down, then invoke up",
            )
        if name != stack.balancer and not stack.services[name].scalable:
            raise Refused(
                f"{name} can't be replaced without an outage: it has one container, which keeps state",
                "plan one: invoke down, then invoke up",
            )
        if name == stack.balancer and not state.running(name):
            raise Refused(f"{name} does not run", "start it with: invoke up")
        if not state.lasting(name):
            raise Refused(f"nothing of {name} runs that could be replaced", f"start it with: invoke scale --{name} 1")


def deployable(stack: Stack, state: State) -> tuple[str, ...]:
    """Return the services that `deploy` looks at when none is named: all that may be replaced, and are there."""
    edge = (stack.balancer,) if stack.balancer and state.running(stack.balancer) else ()
    return (*(name for name in stack.scalable if state.lasting(name)), *edge)


def _replacements(
    stack: Stack, state: State, request: DeployRequest, around: ObservedInputs
) -> tuple[Replacement, ...]:
    """Return what is replaced; a service of which everything is as it should be has no part in it."""
    names = tuple(name for name in request.services if name != stack.balancer)
    stale = stale_replicas(stack, state, names, around.versions)
    anew = rebuilt_images(stack, request, around)
    items: list[Replacement] = []
    for name in names:
        replaced = [item.service for item in items if item.old or item.ended or item.new < item.wanted]
        after = [
            needed for needed, told in stack.services[name].depends_on.items() if told.restart and needed in replaced
        ]
        if name in request.dependents and not after:
            continue
        cause = f"{name}: {', '.join(after)} is replaced, on which it depends with restart: true" if after else ""
        image = stack.services[name].image
        if image in around.moved:
            cause = f"{name}: {moved_cause(stack, (name,), around)}"
        elif image in anew:
            cause = f"{name}: a new image is {'fetched' if _is_fetched(stack, request, name) else 'built'}"
        elif request.force:
            cause = f"{name}: --force"
        items.append(_replacement(state, name, around.before.get(name, 0), stale, cause))
    return tuple(item for item in items if item.old or item.ended or item.new < item.wanted)


def rebuilt_images(stack: Stack, request: DeployRequest, around: ObservedInputs) -> frozenset[str]:
    """Return the images that are made or fetched anew, so that every replica of them is stale."""
    images = {stack.services[name].image for name in request.services if name not in request.dependents}
    return frozenset(
        image for image in images if image not in around.images or image in around.outdated or image in around.moved
    )


def _is_fetched(stack: Stack, request: DeployRequest, name: str) -> bool:
    """Tell whether a service's image comes from a registry: it is asked for by its name, or nothing here builds it."""
    return bool(request.images.get(name)) or stack.services[name].image not in stack.built_images


def _replacement(state: State, name: str, before: int, stale: Mapping[str, str], cause: str) -> Replacement:
    """Return how one service is replaced.

    Args:
        state: what runs.
        name: the service.
        before: how many replicas it had before a change that was killed; 0 if there was none.
        stale: container id -> why it is stale.
        cause: why all of them go; "" if only the stale ones do.
    """
    running = state.running(name)
    wanted = before or len(state.lasting(name))
    old = running if cause else tuple(replica for replica in running if replica.id in stale)
    fresh = tuple(replica for replica in running if replica not in old)
    # A killed change may have left more new ones than are wanted.
    surplus = victims(fresh, max(len(fresh) - wanted, 0))
    leaving = (*victims(old, len(old), stale), *surplus)
    ended = ended_replicas(state, (name,))
    causes = dict.fromkeys(stale[replica.id] for replica in leaving if replica.id in stale)
    unwell = "" if before else "; ".join(f"{replica.name} {replica.condition}" for replica in ended)
    why = cause or "; ".join(causes) or unwell or f"{name}: a change before did not end"
    return Replacement(name, wanted, leaving, len(fresh) - len(surplus), ended, why)


def _image_steps(
    stack: Stack, request: DeployRequest, around: ObservedInputs, items: tuple[Replacement, ...]
) -> tuple[Step, ...]:
    """Return the steps that get the new images in place and keep the old ones."""
    steps: list[Step] = [*secrets_steps(around), *_keep_steps(stack, request, around, items)]
    anew = rebuilt_images(stack, request, around)
    named = (*request.services, *(name for name in request.images if name not in request.services))
    here_not = tuple(
        name
        for name in named
        if stack.services[name].image in anew - set(around.moved) and _is_fetched(stack, request, name)
    )
    moved = tuple(name for name in named if stack.services[name].image in around.moved)
    fetched = {*here_not, *moved}
    first = {stack.services[name].image: name for name in reversed(request.services) if name not in fetched}
    built = tuple(name for image, name in first.items() if image in anew)
    if built:
        here = all(stack.services[name].image in around.images for name in built)
        cause = "its sources changed" if here else "the images are not on this machine"
        check_obtainable(bases_of(stack, built), around)
        steps.extend((*bases_steps(around), Build(services=built, cause=Cause(cause))))
    if request.repin:
        cause = "; ".join(item.cause for item in items) or "as asked for"
        steps.append(Pin(images=tuple(request.images.items()), environment=request.environment, cause=Cause(cause)))
    if here_not:
        check_pullable(stack, here_not, around)
        steps.append(Pull(services=here_not, cause=Cause("the images are not on this machine")))
    if moved:
        steps.append(Pull(services=moved, cause=Cause(moved_cause(stack, moved, around))))
    return tuple(steps)


def _keep_steps(
    stack: Stack, request: DeployRequest, around: ObservedInputs, items: tuple[Replacement, ...]
) -> tuple[Step, ...]:
    anew = rebuilt_images(stack, request, around)
    steps = []
    for item in items:
        image = stack.services[item.service].image
        new = "" if image in anew else around.images.get(image, "")
        old = tuple(dict.fromkeys(replica.image_id for replica in item.old if replica.image_id != new))
        if old:
            steps.append(Keep(service=item.service, images=old, cause=Cause("it runs now")))
    return tuple(steps)


def _migrate_steps(
    stack: Stack,
    state: State,
    request: DeployRequest,
    around: ObservedInputs,
    names: tuple[str, ...],
) -> tuple[Step, ...]:
    """Return the migrations, on the new image and before its first replica; with their check."""
    if not request.migrate or stack.migrations is None:
        return ()
    image = stack.services[stack.migrations].image
    short = [name for name in names if stack.services[name].image == image]
    fresh = image in rebuilt_images(stack, request, around) and bool(short)
    asked = ScaleRequest(build=frozenset(short) if fresh else frozenset())
    steps = migrate_steps(stack, state, asked, around, short)
    return tuple(
        CheckMigrations(service=step.service, allow_contract=request.allow_contract, cause=step.cause)
        if isinstance(step, CheckMigrations)
        else step
        for step in steps
    )


def _roll(stack: Stack, request: DeployRequest, item: Replacement) -> tuple[Step, ...]:
    """Return the batches of one service: each starts new replicas, proves them, and lets old ones go."""
    batches = list(_batches(stack, request, item))
    names = [f"{item.service}, batch {number} of {len(batches)}" for number in range(1, len(batches) + 1)]
    return tuple(replace(step, part=name) for name, batch in zip(names, batches, strict=True) for step in batch)


def _batches(stack: Stack, request: DeployRequest, item: Replacement) -> Iterator[list[Step]]:
    old, new, started = list(item.old), item.new, 0
    while old or new < item.wanted:
        batch: list[Step] = []
        more = max(min(request.surge - max(new + len(old) - item.wanted, 0), item.wanted - new), 0)
        if more:
            new, started = new + more, started + more
            observe = request.observe if old else 0.0
            batch.extend(_new_steps(stack, item, new + len(old), started, observe))
        leave = old[: max(min(request.parallelism, new + len(old) - item.wanted), 0)]
        if leave:
            del old[: len(leave)]
            seconds = stack.services[item.service].stop_seconds
            batch.append(Stop(victims=going(leave), seconds=seconds, cause=Cause(item.cause)))
        yield batch


def _new_steps(stack: Stack, item: Replacement, count: int, started: int, observe: float) -> Iterator[Step]:
    """Yield the steps of a batch that start new replicas and prove them.

    Args:
        stack: what is wanted.
        item: the replacement.
        count: replicas that run afterwards, old and new.
        started: new ones that this plan has started by then.
        observe: seconds of observation; 0 for none.
    """
    name = item.service
    ended = tuple(replica.id for replica in item.ended)
    yield Start(counts=((name, count),), replicas=True, ended=ended, cause=Cause(item.cause))
    yield WaitHealthy(counts=((name, started),), new=True, cause=Cause("they were started"))
    if name in routed(stack):
        yield VerifyRouting(counts=((name, count),), cause=Cause("replicas were started"))
    if observe:
        yield Observe(service=name, seconds=observe, cause=Cause("the old ones still serve"))


def _last_steps(stack: Stack, items: tuple[Replacement, ...]) -> tuple[Step, ...]:
    counts = tuple((item.service, item.wanted) for item in items if item.service in routed(stack))
    verify = (
        (VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=Cause("replicas were replaced")),) if counts else ()
    )
    gone = tuple(victim for item in items for victim in going((*item.old, *item.ended)))
    return (*verify, Remove(victims=gone, cause=Cause("they were replaced"))) if gone else verify


def _reload_steps(stack: Stack, state: State, request: DeployRequest, around: ObservedInputs) -> tuple[Step, ...]:
    """Return the steps by which the balancer takes a changed configuration.

    Raises:
        Refused: more than its configuration changed.
    """
    name = stack.balancer
    if name is None or name not in request.services:
        return ()
    [replica] = state.running(name)
    if stack.services[name].image in around.moved:
        raise Refused(
            f"{name}: {moved_cause(stack, (name,), around)}; it holds the ports on the host, so that replacing it is an"
            " outage of about a second",
            OUTAGE,
        )
    stale = staleness(stack, state, [name], around.versions).get(replica.id)
    if stale is None and not request.force:
        return ()
    cause = stale.cause if stale else f"{name}: --force"
    if stale and not stale.only_configuration and not request.force:
        raise Refused(
            f"{cause}; it holds the ports on the host, so that replacing it is an outage of about a second",
            OUTAGE if request.named else f"{OUTAGE}; the others meanwhile: invoke deploy SERVICE",
        )
    counts = tuple((other, len(state.running(other))) for other in routed(stack) if state.running(other))
    return (
        CheckConfig(service=name, cause=Cause(cause)),
        Reload(service=name, cause=Cause(cause)),
        VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=Cause("the balancer has a new configuration")),
    )


def peak_replicas(stack: Stack, state: State, plan: Plan) -> dict[str, int]:
    """Return how many replicas of each service there are at once, at most, while a plan is carried out."""
    peak = {name: len(state.running(name)) for name in stack.services}
    for step in plan.steps:
        if isinstance(step, Start):
            for name, count in step.counts:
                peak[name] = max(peak[name], count)
    return {name: count for name, count in peak.items() if count}
