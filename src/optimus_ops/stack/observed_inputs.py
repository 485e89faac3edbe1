"""Observed inputs of a change: images, their registry, secrets and changed configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optimus_ops.plan.inputs import ObservedInputs, idle_images
from optimus_ops.stack.config_changes import StackInputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.engine.compose_port import Compose
    from optimus_ops.engine.port import Engine
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State
    from optimus_ops.project.settings import Project
    from optimus_ops.secrets.plan import SecretsPlan


@dataclass(frozen=True)
class WantedStack:
    """What the Compose files say: the merged model, and the same as values."""

    document: Mapping[str, Any]
    stack: Stack

    @classmethod
    def read(cls, compose: Compose) -> WantedStack:
        """Read it once."""
        document = compose.document()
        return cls(document, compose.stack_of(document))


def observe_inputs(
    compose: Compose, engine: Engine, wanted: WantedStack, state: State, *, building: bool
) -> ObservedInputs:
    """Observe what a plan depends on besides the containers: images, the registry, secrets.

    The registry is only asked where something would be pulled from it or was asked to be built, because that may take
    seconds.
    """
    stack = wanted.stack
    from optimus_ops.images.fallback_catalogue import fallback_for  # noqa: PLC0415 - as above
    from optimus_ops.images.registry import registry_answers  # noqa: PLC0415 - costs time that most tasks don't need

    images = engine.images([*stack.images, *stack.public_images])
    absent = [name for name in stack.public_images if name not in images]
    fallbacks_missing = tuple(name for name in absent if fallback_for(name) is not None)
    others = [name for name in absent if name not in fallbacks_missing]
    incomplete = building or any(name not in images for name in stack.images)
    planned = _secrets_to_write(compose.project)
    return ObservedInputs(
        images=images,
        outdated=_outdated(engine, wanted, idle_images(stack, state)),
        registry_answers=not (fallbacks_missing and incomplete) or registry_answers(engine, fallbacks_missing),
        fallbacks_missing=fallbacks_missing,
        unobtainable=_unobtainable(engine, others) if incomplete else (),
        secrets=None if planned is None else planned.generate,
        secrets_coming=() if planned is None else (*planned.write, *planned.remove),
        changed_jobs=_changed_jobs(compose, wanted, state),
    )


def _changed_jobs(compose: Compose, wanted: WantedStack, state: State) -> frozenset[str]:
    """Return the jobs whose definition changed since their last run; Compose is only asked where one has run."""
    jobs = wanted.stack.jobs - {wanted.stack.migrations}
    runs = [replica for name in jobs for replica in state.of(name) if replica.config_hash]
    if not runs:
        return frozenset()
    hashes = compose.hashes(wanted.document)
    return frozenset(run.service for run in runs if run.config_hash != hashes.get(run.service, run.config_hash))


def _unobtainable(engine: Engine, images: Sequence[str]) -> tuple[str, ...]:
    """Return those of the images whose registry does not answer; all are asked about at once first."""
    from optimus_ops.images.registry import registry_answers  # noqa: PLC0415 - costs time that most tasks don't need

    if not images or registry_answers(engine, images):
        return ()
    return tuple(name for name in images if not registry_answers(engine, [name]))


def observe_versions(
    inputs: ObservedInputs,
    compose: Compose,
    engine: Engine,
    wanted: WantedStack,
    state: State,
    services: Iterable[str],
) -> ObservedInputs:
    """Add what tells whether replicas of some services are stale: their images' sources, and their inputs."""
    stack, names = wanted.stack, tuple(services)
    own = tuple(dict.fromkeys(stack.services[name].image for name in names if stack.services[name].builds))
    inputs = observe_changed_inputs(inputs, compose, engine, wanted, state)
    return replace(inputs, outdated=inputs.outdated | _outdated(engine, wanted, own))


def observe_current_versions(compose: Compose, engine: Engine, wanted: WantedStack, state: State) -> ObservedInputs:
    """Observe what tells whether containers are what they would be started as now, and nothing else."""
    inputs = ObservedInputs(images=engine.images(wanted.stack.images))
    planned = _secrets_to_write(compose.project)
    if planned is not None:
        inputs = replace(inputs, secrets_coming=(*planned.write, *planned.remove))
    return observe_changed_inputs(inputs, compose, engine, wanted, state)


def observe_changed_inputs(
    inputs: ObservedInputs, compose: Compose, engine: Engine, wanted: WantedStack, state: State
) -> ObservedInputs:
    """Add the inputs of containers that changed since they were created."""
    # Of a job nothing runs that could differ.
    names = [name for name in wanted.stack.services if name not in wanted.stack.jobs and state.of(name)]
    if not names:
        return inputs
    stack_inputs = StackInputs.of(compose, wanted.stack, inputs.secrets_coming)
    changes, noted = stack_inputs.changes(engine, state, names)
    unrecorded = any(replica.id not in noted for name in names for replica in state.of(name))
    hashes = compose.hashes(wanted.document) if unrecorded else {}
    return replace(inputs, hashes=hashes, changes=changes, noted=noted)


def _outdated(engine: Engine, wanted: WantedStack, images: tuple[str, ...]) -> frozenset[str]:
    """Return those of the images that are here but made of other sources than those of the checkout."""
    if not images:
        return frozenset()
    from optimus_ops.images.listing import list_images  # noqa: PLC0415

    rows = list_images(engine, wanted.document)
    return frozenset(row.image for row in rows if row.image in images and row.current is False)


def _secrets_to_write(project: Project) -> SecretsPlan | None:
    """Return what is to be written; None if there is nothing to write, or the project has no schema of secrets."""
    from optimus_ops.secrets.paths import SecretsPaths  # noqa: PLC0415
    from optimus_ops.secrets.provision import plan  # noqa: PLC0415

    paths = SecretsPaths.of(project)
    if not paths.described:
        return None
    planned = plan(paths)
    return None if planned.nothing_to_do else planned


def running_images(state: State) -> dict[str, tuple[str, ...]]:
    """Return service -> ids of the images that its replicas run."""
    services = dict.fromkeys(replica.service for replica in state.replicas)
    return {name: tuple(dict.fromkeys(replica.image_id for replica in state.running(name))) for name in services}
