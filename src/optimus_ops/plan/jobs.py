"""Jobs that have to run: migrations, and what others wait for to end well."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.inputs import ObservedInputs, idle_images
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import CheckMigrations, Migrate, RunJob

REBUILT = Cause("its image is built anew", "image")
OLD_SCHEMA = Cause("replicas run that know the old schema")
OTHER_IMAGE = Cause("it has not ended well on this image yet", "image")


def migrate_steps(
    stack: Stack,
    state: State,
    inputs: ObservedInputs,
    starting: Iterable[str],
    *,
    rebuilt: Collection[str] = (),
    requested: bool = False,
    allow_contract: bool = False,
) -> tuple[Step, ...]:
    """Return the migrations job with its check, if it has to run.

    That is: requested; or replicas of its image are about to start, and it never ended well on the image that is there.
    Where no replica of that image starts, a newer image is no reason: those that run would not know the new schema.
    `starting` are the services that get new replicas, `rebuilt` the images that are built on request.
    """
    name = stack.migrations
    if name is None:
        return ()
    cause = Cause("--run-migrations", "requested") if requested else None
    cause = cause or _migrate_cause(stack, state, inputs, starting, rebuilt)
    if cause is None:
        return ()
    image = stack.services[name].image
    # What runs already must be able to live with the new schema.
    beside = any(state.running(other) for other, service in stack.services.items() if service.image == image)
    check = CheckMigrations(service=name, allow_contract=allow_contract, cause=OLD_SCHEMA)
    return (*((check,) if beside else ()), Migrate(service=name, cause=cause))


def _migrate_cause(
    stack: Stack, state: State, inputs: ObservedInputs, starting: Iterable[str], rebuilt: Collection[str]
) -> Cause | None:
    image = stack.services[str(stack.migrations)].image
    starts = any(stack.services[name].image == image for name in starting)
    if image in rebuilt or (starts and image in inputs.outdated and image in idle_images(stack, state)):
        return REBUILT
    if starts and image in inputs.moved:
        return Cause("its image is pulled anew", "registry")
    runs = (replica for replica in state.of(str(stack.migrations)) if replica.ended_well)
    done = any(replica.image_id == inputs.images.get(image) for replica in runs)
    return OTHER_IMAGE if starts and not done else None


def due_jobs(
    stack: Stack,
    state: State,
    inputs: ObservedInputs,
    starting: Iterable[str],
    rebuilt: Collection[str],
    migrate: tuple[Step, ...],
    *,
    whole: bool = False,
) -> dict[str, tuple[Step, ...]]:
    """Return the jobs that have to run, each with its steps; the migrations are decided on before.

    Another job runs if something that depends on it starts now, and it never ended well on the image and definition
    that are there. A job that ended well is not run again for another replica. If the `whole` stack is brought up, a
    job also runs because its definition changed.
    """
    first = {stack.migrations: migrate} if migrate and stack.migrations else {}
    causes = {name: _job_cause(stack, state, inputs, name, rebuilt) for name in stack.jobs - {stack.migrations}}
    due = {name for name in causes if whole and name in inputs.changed_jobs}
    reached = {*starting, *first, *due}
    while (
        more := {needed for name in reached for needed in stack.services[name].depends_on if causes.get(needed)}
        - reached
    ):
        due |= more
        reached |= more
    jobs = {name: cause for name in stack.services if name in due and (cause := causes[name])}
    return {
        **first,
        **{
            name: (RunJob(service=name, required=_required(stack, name, reached), cause=cause),)
            for name, cause in jobs.items()
        },
    }


def _job_cause(stack: Stack, state: State, inputs: ObservedInputs, name: str, rebuilt: Collection[str]) -> Cause | None:
    """Return why a job would have to run again before anything that waits for it starts."""
    image = stack.services[name].image
    if image in rebuilt:
        return REBUILT
    runs = [replica for replica in state.of(name) if replica.ended_well]
    if not runs:
        return Cause("it has not ended well yet", "condition")
    if name in inputs.changed_jobs:
        return Cause("its definition in the Compose files changed", "definition")
    return OTHER_IMAGE if all(replica.image_id != inputs.images.get(image) for replica in runs) else None


def _required(stack: Stack, name: str, starting: Collection[str]) -> bool:
    """Tell whether something that starts can't do without a job; also where nothing that waits for it starts."""
    waits = [
        service.depends_on[name].required
        for other, service in stack.services.items()
        if other in starting and name in service.depends_on
    ]
    return not waits or any(waits)
