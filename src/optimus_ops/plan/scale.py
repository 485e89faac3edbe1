"""Planning `scale`, `up` and `migrate`: pure functions from what is wanted and what runs to steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.order import needed_by
from optimus_ops.plan.pulling import check_obtainable, check_pullable, moved_cause
from optimus_ops.plan.stale import Versions, stale_replicas
from optimus_ops.plan.start import JobVersions, due_jobs, start_steps
from optimus_ops.plan.step import ContainerRef, Plan, Step
from optimus_ops.plan.steps import (
    Build,
    CheckMigrations,
    MakeBases,
    Migrate,
    Pin,
    Pull,
    Remove,
    Resume,
    Start,
    Stop,
    VerifyRouting,
    WriteSecrets,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from optimus_ops.model.container_inputs import Changed
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State


# The balancer looks addresses up each second (compose/nginx/upstreams.conf): after that it knows who is gone.
SETTLE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """What was asked for.

    Args:
        counts: service -> replicas; services not named keep their number.
        build: services whose images are built anew.
        run_migrations: whether the migrations job runs even if it has run on this image.
        environment: service, variable, value: variables that are pinned for what starts from now on.
        force: whether troubled replicas are replaced: those of the services with a count, of all if there is none.
        purpose: what the plan is called.
        overlays: overlays beside those that are always on.
        fit_pool: whether database pools are lowered where the numbers would not fit.
        remove_orphans: whether leftovers are removed as well.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    build: frozenset[str] = frozenset()
    run_migrations: bool = False
    environment: tuple[tuple[str, str, str], ...] = ()
    force: bool = False
    purpose: str = "scale"
    overlays: tuple[str, ...] = ()
    fit_pool: bool = False
    remove_orphans: bool = False


@dataclass(frozen=True, slots=True)
class ObservedInputs:
    """What else was observed that a plan depends on.

    Args:
        images: name -> id of the stack's images that are on the machine.
        registry_answers: whether public images can be pulled; looked at only if one is missing.
        outdated: images that are on the machine but made of other sources than those of the checkout.
        bases_missing: public images, among those that builds start from too, that are not on the machine, and for which
            stand-ins can be made.
        unobtainable: public images that are not on the machine, whose registry does not answer, without a stand-in.
        moved: image -> its digest in its registry, of those that are another one there than on this machine.
        secrets: names of the secrets that have to be generated, or None if everything is in place.
        secrets_coming: projected secrets (`folder/name`) that will be written or removed before anything is started.
        before: service -> replicas before the last change, if that one was killed and nobody undid it: how many there
            should be can't be told from what runs then.
        hashes: service -> Compose's digest of its definition; looked at only where replicas may be replaced.
        changes: container id -> what it was given that is another one now; likewise.
        noted: the containers of which it is known what they were given; likewise.
        changed_jobs: jobs, the migrations left out, whose definition changed since they last ended well.
    """

    images: Mapping[str, str]
    outdated: frozenset[str] = frozenset()
    registry_answers: bool = True
    bases_missing: tuple[str, ...] = ()
    unobtainable: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] | None = None
    secrets_coming: tuple[str, ...] = ()
    before: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[Changed, ...]] = field(default_factory=dict)
    noted: frozenset[str] = frozenset()
    changed_jobs: frozenset[str] = frozenset()

    @property
    def versions(self) -> Versions:
        """Return what would be started now."""
        return Versions(self.images, self.hashes, self.changes, self.noted)


def plan_scale(stack: Stack, state: State, request: ScaleRequest, around: ObservedInputs) -> Plan:
    """Plan how to get from what runs to the requested numbers of replicas, with the rest of the stack up.

    Order: secrets, images, stores, migrations, replicas, balancer, proof of the routing, and jobs before what waits for
    them; what services say of one another comes first (`start_order`). Then the replicas that are too many leave, all
    of a service at once, with the proof that they get no traffic any more. They are removed last: until then an undo
    starts them again.

    Raises:
        Refused: a requested service is unknown or can't be scaled, or services wait for one another.
    """
    resume, state = resume_steps(state), state.resumed()
    check_services(stack, [*request.counts, *request.build])
    check_scalable(stack, request.counts)
    wanted = wanted_counts(stack, state, request.counts, around.before)
    forced = forced_out(stack, state, request)
    most = most_at_once(state, wanted, forced)
    prepare = prepare_steps(stack, state, request, around)
    short = [name for name, count in most.items() if len(state.running(name)) < count]
    jobs = jobs_to_run(stack, state, request, around, short)
    start = start_steps(stack, state, most, jobs, request.counts)
    verify = _verify(stack, state, most, [step for step in start if isinstance(step, Start)])
    steps = (*resume, *prepare, *start, *verify, *_fewer_steps(stack, state, wanted, around, forced))
    return Plan(state.project, request.purpose, steps)


def forced_out(stack: Stack, state: State, request: ScaleRequest) -> Mapping[str, tuple[Replica, ...]]:
    """Return service -> troubled replicas that are replaced on request; without that they stay."""
    names = tuple(request.counts) or stack.scalable
    if not request.force:
        return {}
    return {name: tuple(replica for replica in state.running(name) if replica.troubled) for name in names}


def most_at_once(state: State, wanted: Mapping[str, int], forced: Mapping[str, tuple[Replica, ...]]) -> dict[str, int]:
    """Return service -> replicas that run at once: those that are replaced go after their successors serve."""
    most = {}
    for name, count in wanted.items():
        running = len(state.running(name))
        stay = running - len(forced.get(name, ()))
        most[name] = running + max(count - stay, 0)
    return most


def _fewer_steps(
    stack: Stack,
    state: State,
    wanted: Mapping[str, int],
    around: ObservedInputs,
    forced: Mapping[str, tuple[Replica, ...]],
) -> tuple[Step, ...]:
    """Return the steps that take services down to their counts, and clear away what ended."""
    stale = stale_replicas(stack, state, stack.scalable, around.versions)
    most = most_at_once(state, wanted, forced)
    fewer = {name: count for name, count in wanted.items() if most[name] > count}
    stop = [
        stop_step(stack, state, name, most[name] - count, count, stale, forced.get(name, ()))
        for name, count in fewer.items()
    ]
    verify = _verify_after_stop(stack, wanted, fewer)
    leaving = tuple(victim for step in stop for victim in step.victims)
    ended = ended_replicas(state, stack.scalable)
    cause = "; ".join(
        [*(step.cause.text for step in stop), *(f"{replica.name} {replica.condition}" for replica in ended)]
    )
    remove = (Remove(victims=(*leaving, *going(ended)), cause=Cause(cause)),) if leaving or ended else ()
    return (*stop, *verify, *remove)


def ended_replicas(state: State, services: Iterable[str]) -> tuple[Replica, ...]:
    """Return the containers of services that serve no more and won't by waiting."""
    return tuple(replica for name in services for replica in state.of(name) if not replica.running)


def resume_steps(state: State) -> tuple[Step, ...]:
    """Return the step that lets frozen containers go on, whichever service is meant."""
    return (Resume(victims=going(state.frozen), cause=Cause("frozen (docker pause)")),) if state.frozen else ()


def check_services(stack: Stack, names: Iterable[str]) -> None:
    """Refuse names that are no services of the stack."""
    for name in names:
        if name not in stack.services:
            raise Refused(f"unknown service {name!r}", f"services: {', '.join(sorted(stack.services))}")


def check_checkout(state: State, folder: str) -> None:
    """Refuse to change a stack that runs from the files of another checkout: its secrets and configuration are others.

    Args:
        state: what runs.
        folder: the folder of this checkout's Compose files.
    """
    elsewhere = sorted({r.folder for r in state.replicas if r.occupied and r.folder not in {"", folder}})
    if elsewhere:
        raise Refused(
            f"{state.project} runs from another checkout ({', '.join(elsewhere)})",
            "work there; or stop it (invoke down, volumes stay); or choose another name (COMPOSE_PROJECT_NAME)",
        )


def check_scalable(stack: Stack, counts: Mapping[str, int]) -> None:
    """Refuse a number of replicas for a service that can't have more than one."""
    for name, count in counts.items():
        fixed = stack.services[name].fixed
        if count != 1 and fixed:
            raise Refused(
                f"{name} can't have {count} replicas: only one container can have {' and '.join(fixed)}",
                "take that out of the Compose file; the engine gives each replica its own",
            )
        if name in stack.jobs:
            raise Refused(f"{name} is a job: it is run, not scaled", f"scalable: {', '.join(stack.scalable)}")
        if count != 1 and not stack.services[name].scalable:
            raise Refused(f"{name} can't be scaled", f"scalable: {', '.join(stack.scalable)}")


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


def prepare_steps(stack: Stack, state: State, request: ScaleRequest, around: ObservedInputs) -> tuple[Step, ...]:
    """Return the steps that get secrets and images in place."""
    steps: list[Step] = [*secrets_steps(around)]
    unbuilt = {
        image: "the images are not on this machine" for image in stack.built_images if image not in around.images
    }
    outdated = {image: "its sources changed" for image in idle_images(stack, state) if image in around.outdated}
    missing = tuple(
        name
        for name, service in stack.services.items()
        if service.image not in stack.built_images and service.image not in around.images
    )
    bases = bases_steps(around) if missing or unbuilt or request.build else ()
    steps.extend(bases)
    # Of a stand-in, the files have another name by the time that it is there.
    pulled = tuple(name for name in missing if not bases or stack.services[name].image not in around.bases_missing)
    check_pullable(stack, pulled, around)
    if pulled:
        steps.append(Pull(services=pulled, cause=Cause("the images are not on this machine")))
    moved = tuple(name for name, service in stack.services.items() if service.image in around.moved)
    if moved:
        steps.append(Pull(services=moved, cause=Cause(moved_cause(stack, moved, around))))
    builds = _build_steps(stack, request.build, {**outdated, **unbuilt})
    check_obtainable((image for step in builds for image in bases_of(stack, step.services)), around)
    steps.extend(builds)
    if request.environment:
        steps.append(Pin(environment=request.environment, cause=Cause("so that the database has enough connections")))
    return tuple(steps)


def bases_of(stack: Stack, services: Iterable[str]) -> tuple[str, ...]:
    """Return the public images that the builds of services start from."""
    built = {stack.services[name].image for name in services}
    return tuple(
        image for service in stack.services.values() if service.image in built for image in service.base_images
    )


def secrets_steps(around: ObservedInputs) -> tuple[Step, ...]:
    """Return the step that gets secrets in place, if there is anything to write."""
    if around.secrets is None:
        return ()
    cause = "platform-owned secrets are missing" if around.secrets else "the projected secrets are out of date"
    return (WriteSecrets(names=around.secrets, cause=Cause(cause)),)


def bases_steps(around: ObservedInputs) -> tuple[Step, ...]:
    """Return the step that makes stand-ins, where public images are missing and no registry answers."""
    if not around.bases_missing or around.registry_answers:
        return ()
    cause = "no registry answers, and they are not on this machine"
    return (MakeBases(images=around.bases_missing, cause=Cause(cause)),)


def idle_images(stack: Stack, state: State) -> tuple[str, ...]:
    """Return the images that no running replica was started from: building them anew mixes no versions."""
    busy = {service.image for name, service in stack.services.items() if state.running(name)}
    return tuple(image for image in stack.built_images if image not in busy)


def _build_steps(stack: Stack, asked: frozenset[str], needed: Mapping[str, str]) -> list[Build]:
    """Build each image once, though several services may run it."""
    reasons = {**needed, **{stack.services[name].image: f"--build {name}" for name in sorted(asked)}}
    first = {image: next(n for n, s in stack.services.items() if s.image == image) for image in reasons}
    names = tuple(name for name in stack.services if name in first.values())
    causes = dict.fromkeys(reasons[stack.services[name].image] for name in names)
    return [Build(services=names, cause=Cause("; ".join(causes)))] if names else []


def jobs_to_run(
    stack: Stack,
    state: State,
    request: ScaleRequest,
    around: ObservedInputs,
    short: Sequence[str],
    *,
    whole: bool = True,
) -> dict[str, tuple[Step, ...]]:
    """Return the jobs that have to run, the migrations among them, each with its steps.

    Args:
        stack: what is wanted.
        state: what runs.
        request: what was asked for.
        around: what else was observed.
        short: the services that get new containers.
        whole: whether the whole stack is brought up.
    """
    rebuilt = {stack.services[built].image for built in request.build}
    anew = rebuilt | (around.outdated & frozenset(idle_images(stack, state)))
    migrate = migrate_steps(stack, state, request, around, short)
    starting = [*short, *((stack.migrations,) if migrate and stack.migrations else ())]
    jobs = due_jobs(stack, state, starting, JobVersions(around.images, anew, around.changed_jobs), whole=whole)
    return {**jobs, **({stack.migrations: migrate} if migrate and stack.migrations else {})}


def migrate_steps(
    stack: Stack, state: State, request: ScaleRequest, around: ObservedInputs, short: Iterable[str] = ()
) -> tuple[Step, ...]:
    """Return the migrations job if it has to run.

    That is: asked for; or replicas of its image are about to start, and it never ended well on the image that is there.
    Where no replica of that image starts, a newer image is no reason: those that run would not know the new schema.

    Args:
        stack: what is wanted.
        state: what runs.
        request: what was asked for.
        around: what else was observed.
        short: the services that get new replicas.
    """
    name = stack.migrations
    if name is None:
        return ()
    image = stack.services[name].image
    # What runs already must be able to live with the new schema.
    beside = any(state.running(other) for other, service in stack.services.items() if service.image == image)
    check = (CheckMigrations(service=name, cause=Cause("replicas run that know the old schema")),) if beside else ()
    if request.run_migrations:
        return (*check, Migrate(service=name, cause=Cause("--run-migrations")))
    rebuilt = {stack.services[built].image for built in request.build}
    starting = {stack.services[service].image for service in short}
    if image in rebuilt or (image in starting and image in around.outdated and image in idle_images(stack, state)):
        return (*check, Migrate(service=name, cause=Cause("its image is built anew")))
    if image in starting and image in around.moved:
        return (*check, Migrate(service=name, cause=Cause("its image is pulled anew")))
    done = any(
        replica.status == "exited" and replica.exit_code == 0 and replica.image_id == around.images.get(image)
        for replica in state.of(name)
    )
    if done or image not in starting:
        return ()
    return (*check, Migrate(service=name, cause=Cause("it has not ended well on this image yet")))


def routed(stack: Stack) -> tuple[str, ...]:
    """Return the services that the balancer routes to: those with a port, and a count of their own."""
    if stack.balancer is None:
        return ()
    return tuple(name for name in stack.scalable if stack.services[name].ports)


def _verify(stack: Stack, state: State, most: Mapping[str, int], starts: Sequence[Start]) -> tuple[Step, ...]:
    started = {name for step in starts for name, _count in step.counts}
    fresh = stack.balancer in started
    names = [name for name in routed(stack) if fresh or name in started]
    counts = tuple((name, max(most[name], len(state.running(name)))) for name in names)
    return (VerifyRouting(counts=counts, cause=Cause("replicas were started")),) if counts else ()


def stop_step(
    stack: Stack,
    state: State,
    name: str,
    fewer: int,
    count: int,
    stale: Mapping[str, str],
    forced: Sequence[Replica] = (),
) -> Stop:
    """Return the step that takes a service down to its count.

    Args:
        stack: what is wanted.
        state: what runs.
        name: the service.
        fewer: how many go.
        count: how many stay.
        stale: container id -> why it is stale.
        forced: those that go in any case.
    """
    others = [replica for replica in state.running(name) if replica not in forced]
    leaving = (*forced, *victims(others, fewer - len(forced), stale))
    unwell = "; ".join(f"{replica.name} {replica.condition} (--force)" for replica in forced)
    cause = unwell or f"{name}: {len(state.running(name))} running, {count} wanted"
    return Stop(victims=going(leaving), seconds=stack.services[name].stop_seconds, cause=Cause(cause))


def going(replicas: Iterable[Replica]) -> tuple[ContainerRef, ...]:
    """Return replicas as what a step stops or removes."""
    return tuple(ContainerRef(replica.name, replica.id) for replica in replicas)


def victims(replicas: Sequence[Replica], count: int, stale: Container[str] = ()) -> tuple[Replica, ...]:
    """Choose which replicas go: stale ones first, then those that are not well, then the youngest (highest number).

    Args:
        replicas: those that there are.
        count: how many go.
        stale: the ids of those that are stale.
    """
    return tuple(
        sorted(
            replicas,
            key=lambda replica: (replica.id not in stale, replica.ready, not replica.troubled, -replica.number),
        )[:count]
    )


def _verify_after_stop(stack: Stack, wanted: Mapping[str, int], fewer: Mapping[str, int]) -> tuple[Step, ...]:
    counts = tuple((name, wanted[name]) for name in routed(stack) if name in fewer)
    return (
        (VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=Cause("replicas were removed")),) if counts else ()
    )


def plan_migrate(stack: Stack, state: State, around: ObservedInputs) -> Plan:
    """Plan one run of the migrations job, with what it needs.

    Raises:
        Refused: the stack has no migrations job.
    """
    if stack.migrations is None:
        raise Refused("this stack has no migrations job", "name it in [tool.optimus-ops] migrations")
    resume, state = resume_steps(state), state.resumed()
    request = ScaleRequest(run_migrations=True, purpose="migrate")
    needed = needed_by(stack, stack.migrations)
    wanted = {name: count for name, count in wanted_counts(stack, state, {}, around.before).items() if name in needed}
    prepare = prepare_steps(stack, state, request, around)
    short = [name for name, count in wanted.items() if len(state.running(name)) < count]
    jobs = jobs_to_run(stack, state, request, around, short, whole=False)
    return Plan(state.project, request.purpose, (*resume, *prepare, *start_steps(stack, state, wanted, jobs)))
