"""Planning `scale`, `up` and `migrate`: pure functions from what is wanted and what runs to steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.plan.steps import (
    Build,
    MakeBases,
    Migrate,
    Plan,
    Pull,
    Remove,
    Start,
    Step,
    Stop,
    VerifyRouting,
    Victim,
    WaitHealthy,
    WriteSecrets,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.engine.state import Replica, State
    from optimus_ops.stack.model import Stack


# The balancer looks addresses up each second (compose/nginx/upstreams.conf): after that it knows who is gone.
SETTLE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """What was asked for.

    Args:
        counts: service -> replicas; services not named keep their number.
        build: services whose images are built anew.
        run_migrations: whether the migrations job runs even if it has run on this image.
        purpose: what the plan is called.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    build: frozenset[str] = frozenset()
    run_migrations: bool = False
    purpose: str = "scale"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else was observed that a plan depends on.

    Args:
        images: name -> id of the stack's images that are on the machine.
        registry_answers: whether public images can be pulled; looked at only if one is missing.
        outdated: images that are on the machine but made of other sources than those of the checkout.
        bases_missing: public images, among those that builds start from too, that are not on the machine.
        secrets: names of the secrets that have to be generated, or None if everything is in place.
    """

    images: Mapping[str, str]
    outdated: frozenset[str] = frozenset()
    registry_answers: bool = True
    bases_missing: tuple[str, ...] = ()
    secrets: tuple[str, ...] | None = None


def plan_scale(stack: Stack, state: State, request: ScaleRequest, around: Surroundings) -> Plan:
    """Plan how to get from what runs to the requested numbers of replicas, with the rest of the stack up.

    Order: secrets, images, stores, migrations, replicas, balancer, proof of the routing; then the replicas that are too
    many leave, all of a service at once, and the proof that they get no traffic any more.

    Raises:
        Refused: a requested service is unknown or can't be scaled.
    """
    check_services(stack, [*request.counts, *request.build])
    check_scalable(stack, request.counts)
    wanted = wanted_counts(stack, state, request.counts)
    fewer = {name: count for name, count in wanted.items() if len(state.running(name)) > count}
    prepare = prepare_steps(stack, state, request, around)
    short = [name for name, count in wanted.items() if len(state.running(name)) < count]
    migrate = migrate_steps(stack, state, request, around, short)
    start = start_steps(stack, state, wanted, migrate)
    verify_up = _verify(stack, state, wanted, [step for step in start if isinstance(step, Start)])
    stop = [step for name, count in fewer.items() for step in stop_steps(stack, state, name, count)]
    verify_down = _verify_after_stop(stack, wanted, fewer)
    return Plan(state.project, request.purpose, (*prepare, *start, *verify_up, *stop, *verify_down))


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
    elsewhere = sorted({r.folder for r in state.replicas if r.running and r.folder not in {"", folder}})
    if elsewhere:
        raise Refused(
            f"{state.project} runs from another checkout ({', '.join(elsewhere)})",
            "work there; or stop it (invoke down, volumes stay); or choose another name (COMPOSE_PROJECT_NAME)",
        )


def check_scalable(stack: Stack, counts: Mapping[str, int]) -> None:
    """Refuse a number of replicas for a service that can't have more than one."""
    for name, count in counts.items():
        if count != 1 and not stack.services[name].scalable:
            raise Refused(f"{name} can't be scaled", f"scalable: {', '.join(stack.scalable)}")


def wanted_counts(stack: Stack, state: State, requested: Mapping[str, int]) -> dict[str, int]:
    """Return how many replicas each lasting service should have: as requested, else as now, else as in the files."""
    return {
        name: requested.get(name) or len(state.of(name)) or service.default_replicas
        for name, service in stack.services.items()
        if name not in stack.jobs
    }


def prepare_steps(stack: Stack, state: State, request: ScaleRequest, around: Surroundings) -> tuple[Step, ...]:
    """Return the steps that get secrets and images in place."""
    steps: list[Step] = []
    if around.secrets is not None:
        cause = "platform-owned secrets are missing" if around.secrets else "the projected secrets are out of date"
        steps.append(WriteSecrets(names=around.secrets, cause=cause))
    unbuilt = {
        image: "the images are not on this machine" for image in built_images(stack) if image not in around.images
    }
    outdated = {image: "its sources changed" for image in idle_images(stack, state) if image in around.outdated}
    missing = tuple(
        name for name, service in stack.services.items() if not service.builds and service.image not in around.images
    )
    if around.bases_missing and not around.registry_answers and (missing or unbuilt or request.build):
        cause = "no registry answers, and they are not on this machine"
        steps.append(MakeBases(images=around.bases_missing, cause=cause))
    elif missing:
        steps.append(Pull(services=missing, cause="the images are not on this machine"))
    steps.extend(_build_steps(stack, request.build, {**outdated, **unbuilt}))
    return tuple(steps)


def built_images(stack: Stack) -> tuple[str, ...]:
    """Return the images that the project builds itself."""
    return tuple(dict.fromkeys(service.image for service in stack.services.values() if service.builds))


def idle_images(stack: Stack, state: State) -> tuple[str, ...]:
    """Return the images that no running replica was started from: building them anew mixes no versions."""
    busy = {service.image for name, service in stack.services.items() if state.running(name)}
    return tuple(image for image in built_images(stack) if image not in busy)


def _build_steps(stack: Stack, asked: frozenset[str], needed: Mapping[str, str]) -> list[Step]:
    """Build each image once, though several services may run it."""
    reasons = {**needed, **{stack.services[name].image: f"--build {name}" for name in sorted(asked)}}
    first = {image: next(n for n, s in stack.services.items() if s.image == image) for image in reasons}
    names = tuple(name for name in stack.services if name in first.values())
    causes = dict.fromkeys(reasons[stack.services[name].image] for name in names)
    return [Build(services=names, cause="; ".join(causes))] if names else []


def migrate_steps(
    stack: Stack, state: State, request: ScaleRequest, around: Surroundings, short: Iterable[str] = ()
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
    if request.run_migrations:
        return (Migrate(service=name, cause="--run-migrations"),)
    rebuilt = {stack.services[built].image for built in request.build}
    starting = {stack.services[service].image for service in short}
    if image in rebuilt or (image in starting and image in around.outdated and image in idle_images(stack, state)):
        return (Migrate(service=name, cause="its image is built anew"),)
    done = any(
        replica.status == "exited" and replica.exit_code == 0 and replica.image_id == around.images.get(image)
        for replica in state.of(name)
    )
    if done or image not in starting:
        return ()
    return (Migrate(service=name, cause="it has not ended well on this image yet"),)


def start_steps(stack: Stack, state: State, wanted: Mapping[str, int], migrate: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the starts in order: what the migrations need, the migrations, replicas, the balancer."""
    balancer = {stack.balancer} - {None}
    replicas = {name for name in stack.scalable if name not in balancer}
    foundation = set(wanted) - replicas - balancer
    stores, apps, edge = (_start(state, wanted, names) for names in (foundation, replicas, balancer))
    # The balancer starts behind the replicas, and all of them get healthy at the same time.
    return (*stores, *_wait(stores), *migrate, *apps, *edge, *_wait((*apps, *edge)))


def _start(state: State, wanted: Mapping[str, int], names: Iterable[str | None]) -> tuple[Start, ...]:
    """Return the starts of services that are short of replicas: those of which nothing runs apart from the others."""
    short = {name: count for name, count in wanted.items() if name in set(names) and len(state.running(name)) < count}
    idle = {name: count for name, count in short.items() if not state.running(name)}
    busy = {name: count for name, count in short.items() if name not in idle}
    return tuple(
        Start(counts=tuple(counts.items()), replace=counts is idle, cause=_shortage(state, counts))
        for counts in (idle, busy)
        if counts
    )


def _shortage(state: State, counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {len(state.running(name))} running, {count} wanted" for name, count in counts.items())


def _wait(starts: Sequence[Start]) -> tuple[Step, ...]:
    counts = tuple(count for step in starts for count in step.counts)
    return (WaitHealthy(counts=counts, cause="they were started"),) if counts else ()


def routed(stack: Stack) -> tuple[str, ...]:
    """Return the services that the balancer routes to: those with a port, and a count of their own."""
    if stack.balancer is None:
        return ()
    return tuple(name for name in stack.scalable if stack.services[name].ports)


def _verify(stack: Stack, state: State, wanted: Mapping[str, int], starts: Sequence[Start]) -> tuple[Step, ...]:
    started = {name for step in starts for name, _count in step.counts}
    fresh = stack.balancer in started
    names = [name for name in routed(stack) if fresh or name in started]
    counts = tuple((name, max(wanted[name], len(state.running(name)))) for name in names)
    return (VerifyRouting(counts=counts, cause="replicas were started"),) if counts else ()


def stop_steps(stack: Stack, state: State, name: str, count: int) -> tuple[Step, ...]:
    """Return the steps that take a service down to `count` replicas."""
    running = len(state.running(name))
    leaving = going(victims(state.running(name), running - count))
    cause = f"{name}: {running} running, {count} wanted"
    seconds = stack.services[name].stop_seconds
    return (Stop(victims=leaving, seconds=seconds, cause=cause), Remove(victims=leaving, cause=cause))


def going(replicas: Iterable[Replica]) -> tuple[Victim, ...]:
    """Return replicas as what a step stops or removes."""
    return tuple(Victim(replica.name, replica.id) for replica in replicas)


def victims(replicas: Sequence[Replica], count: int) -> tuple[Replica, ...]:
    """Choose which replicas go: unhealthy ones first, then the youngest (highest number)."""
    return tuple(sorted(replicas, key=lambda replica: (replica.ready, -replica.number))[:count])


def _verify_after_stop(stack: Stack, wanted: Mapping[str, int], fewer: Mapping[str, int]) -> tuple[Step, ...]:
    counts = tuple((name, wanted[name]) for name in routed(stack) if name in fewer)
    return (VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause="replicas were removed"),) if counts else ()


def plan_migrate(stack: Stack, state: State, around: Surroundings) -> Plan:
    """Plan one run of the migrations job, with what it needs.

    Raises:
        Refused: the stack has no migrations job.
    """
    if stack.migrations is None:
        raise Refused("this stack has no migrations job", "name it in [tool.optimus-ops] migrations")
    request = ScaleRequest(run_migrations=True, purpose="migrate")
    needed = needed_by(stack, stack.migrations)
    wanted = {name: count for name, count in wanted_counts(stack, state, {}).items() if name in needed}
    prepare = prepare_steps(stack, state, request, around)
    stores = _start(state, wanted, needed)
    steps = (*prepare, *stores, *_wait(stores), *migrate_steps(stack, state, request, around))
    return Plan(state.project, request.purpose, steps)


def needed_by(stack: Stack, name: str) -> frozenset[str]:
    """Return the services that a service depends on, and those that they depend on."""
    found: set[str] = set()
    open_names = [name]
    while open_names:
        new = set(stack.services[open_names.pop()].depends_on) & set(stack.services) - found
        found |= new
        open_names.extend(new)
    return frozenset(found)
