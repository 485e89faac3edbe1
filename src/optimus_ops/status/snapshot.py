"""Observing a project at one time: files, engine, replicas and subsystems in parallel."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from optimus_ops.checks.model import StatusLine
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.leftovers import last_lines, observe_leftovers
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.images.listing import list_images
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import State, ended_badly
from optimus_ops.plan.differences import Difference, differences
from optimus_ops.project.settings import Project
from optimus_ops.project.subsystems import offered_modules, subsystem_name
from optimus_ops.stack.observed_inputs import WantedStack, observe_current_versions
from optimus_ops.status.model import StatusContext, StatusSnapshot
from optimus_ops.status.old_workers import old_workers
from optimus_ops.status.replica_facts import PROBE_SECONDS, observe_replica
from optimus_ops.system.wait import run_parallel

PROBES = 32
"""Replicas that are observed at the same time; each waits most of the time."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the Compose files say, and whether images that are built here are made of the sources as they are."""

    wanted: WantedStack | None = None
    current: Mapping[str, bool] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def observe(engine: Engine, compose: Compose | None, project: Project) -> StatusSnapshot:
    """Observe a project; without its files (`compose` is None where one is missing), only what runs."""
    quick = engine.within(PROBE_SECONDS)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read_files, engine, compose)
        state = engine.observe(project.name)
        workers = pool.submit(old_workers, quick, state, project.balancer if compose else None)
        images = pool.submit(engine.images, [replica.image for replica in state.replicas])
        offered = pool.submit(subsystem_lines, StatusContext(project, state, quick))
        found = run_parallel(partial(observe_replica, quick), state.replicas, calls=PROBES)
        facts = dict(zip([replica.id for replica in state.replicas], found, strict=True))
        files = reading.result()
        jobs = files.wanted.stack.jobs if files.wanted else frozenset[str]()
        left, differing, notes = _compare(engine, compose, files.wanted, state)
        return StatusSnapshot(
            state=state,
            stack=files.wanted.stack if files.wanted else None,
            usage={key: fact.usage for key, fact in facts.items()},
            stores={key: fact.store for key, fact in facts.items() if fact.store is not None},
            images=images.result(),
            now=datetime.now(UTC),
            current=files.current,
            last_lines=last_lines(engine, ended_badly(state, jobs)),
            old_workers=workers.result(),
            reports={key: fact.report for key, fact in facts.items() if fact.report},
            leftovers=left,
            differences=differing,
            lines=offered.result(),
            notes=(*files.notes, *notes),
        )


def read_files(engine: Engine, compose: Compose | None) -> Files:
    """Read the Compose files, and compare the images that are built of them with their sources."""
    if compose is None:
        return Files()
    try:
        wanted = WantedStack.read(compose)
    except OpsError as error:
        return Files(notes=(f"what is wanted is unknown: {error.message}",))
    try:
        rows = list_images(engine, wanted.document)
    except OpsError as error:
        return Files(wanted, notes=(f"whether images are current is unknown: {error.message}",))
    return Files(wanted, {row.image: row.current for row in rows if row.id and row.current is not None})


def subsystem_lines(context: StatusContext) -> tuple[StatusLine, ...]:
    """Return the lines that subsystems add; of one that fails, a line about that."""
    lines: list[StatusLine] = []
    for module in offered_modules("status_lines", context.project.subsystems):
        try:
            lines.extend(module.status_lines(context))
        except OpsError as error:
            lines.append(StatusLine(subsystem_name(module), error.message, warning=True))
    return tuple(lines)


def _compare(
    engine: Engine, compose: Compose | None, wanted: WantedStack | None, state: State
) -> tuple[Leftovers, tuple[Difference, ...], tuple[str, ...]]:
    """Return what no file wants, what runs otherwise than it would be started now, and what could not be found out."""
    if compose is None or wanted is None:
        return Leftovers(), (), ()
    left = observe_leftovers(engine, compose, wanted.document, wanted.stack, state)
    try:
        return left, differences(wanted.stack, state, observe_current_versions(compose, engine, wanted, state)), ()
    except OpsError as error:
        return left, (), (f"what runs otherwise than wanted is unknown: {error.message}",)
