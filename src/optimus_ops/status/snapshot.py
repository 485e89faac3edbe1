"""Seeing a project at one moment: the engine, its statistics and the stores are asked at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from optimus_ops.engine.leftovers import last_lines, observe_leftovers
from optimus_ops.engine.store_probes import Store, Unreachable, parse_store, probe_command, store_kind
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.errors import OpsError
from optimus_ops.images.listing import list_images
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import ended_badly
from optimus_ops.plan.differences import differences
from optimus_ops.stack.observed_inputs import WantedStack, look_at_runs
from optimus_ops.status.model import StatusSnapshot
from optimus_ops.status.old_workers import old_workers
from optimus_ops.status.service_reports import ask_report
from optimus_ops.status.usage import Usage, cpus_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from optimus_ops.engine.compose_port import Compose
    from optimus_ops.engine.port import Engine
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State
    from optimus_ops.plan.differences import Difference

Answer = TypeVar("Answer")

SAMPLE_SECONDS = 0.6
"""Time between two CPU samples: long enough to average, short enough to wait for."""
PROBE_SECONDS = 2.5
TOGETHER = 12


@dataclass(frozen=True)
class Prober:
    """Asks the engine about single containers. What doesn't answer in time is unknown, not an error."""

    engine: Engine

    def sample(self, replica: Replica) -> Sample:
        """Return one sample of a container's statistics; empty if there is none."""
        try:
            return self.engine.sample(replica.id)
        except OpsError:
            return Sample()

    def limits(self, replica: Replica) -> Limits:
        """Return what a container may use."""
        try:
            return self.engine.limits(replica.id)
        except OpsError:
            return Limits()

    def store(self, replica: Replica) -> Store | None:
        """Ask the store in a container; None if there is no store in it."""
        kind = store_kind(replica.image)
        if kind is None or not replica.running:
            return None
        try:
            asked = self.engine.exec(replica.id, probe_command(kind), seconds=PROBE_SECONDS)
        except OpsError:
            return Unreachable(f"no answer within {PROBE_SECONDS:.1f} s")
        return parse_store(kind, asked.code, asked.stdout, asked.stderr)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files say: the stack, and whether each image that is built here is made of the sources as they are.

    Args:
        stack: what is wanted; None where the files don't parse.
        document: the merged model.
        current: image name -> whether it is made of the sources as they are.
        note: what could not be found out.
    """

    stack: Stack | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    current: Mapping[str, bool] = field(default_factory=dict)
    note: str | None = None


def look(engine: Engine, compose: Compose | None, project: str) -> StatusSnapshot:
    """See a project.

    Args:
        engine: the engine.
        compose: the project's files; None to look only at what runs.
        project: its name.
    """
    prober = Prober(engine.within(PROBE_SECONDS))
    with ThreadPoolExecutor(max_workers=TOGETHER) as executor:
        reading = executor.submit(_wanted, compose)
        state = engine.observe(project)
        running = [replica for replica in state.replicas if replica.running]
        begun = time.monotonic()
        first = _ask(executor, prober.sample, running)
        limits = _ask(executor, prober.limits, state.replicas)
        stores = _ask(executor, prober.store, running)
        balancer = compose.project.balancer if compose else None
        workers = executor.submit(old_workers, prober.engine, state, balancer)
        reports = _ask(executor, lambda replica: ask_report(engine, replica, PROBE_SECONDS), running)
        images = executor.submit(engine.images, [replica.image for replica in state.replicas])
        before = _answers(first)
        if running:
            time.sleep(max(SAMPLE_SECONDS - (time.monotonic() - begun), 0.0))
        after = _answers(_ask(executor, prober.sample, running))
        limited = _answers(limits)
        wanted = reading.result()
        jobs = wanted.stack.jobs if wanted.stack else frozenset[str]()
        differs, unknown = _differences(engine, compose, wanted, state)
        return StatusSnapshot(
            state=state,
            stack=wanted.stack,
            usage={key: _usage(before.get(key), after.get(key), limit) for key, limit in limited.items()},
            stores={key: store for key, store in _answers(stores).items() if store is not None},
            images=images.result(),
            now=datetime.now(UTC),
            current=wanted.current,
            last_lines=last_lines(engine, ended_badly(state, jobs)),
            old_workers=workers.result(),
            reports={key: lines for key, lines in _answers(reports).items() if lines},
            leftovers=_leftovers(engine, compose, wanted, state),
            differences=differs,
            notes=tuple(note for note in (wanted.note, unknown) if note),
        )


def _ask(
    executor: ThreadPoolExecutor, question: Callable[[Replica], Answer], replicas: Iterable[Replica]
) -> dict[str, Future[Answer]]:
    return {replica.id: executor.submit(question, replica) for replica in replicas}


def _answers(asked: Mapping[str, Future[Answer]]) -> dict[str, Answer]:
    return {key: answer.result() for key, answer in asked.items()}


def _usage(before: Sample | None, after: Sample | None, limits: Limits) -> Usage:
    return Usage(cpus_between(before or Sample(), after or Sample()), after.memory if after else None, limits)


def _leftovers(engine: Engine, compose: Compose | None, wanted: Wanted, state: State) -> Leftovers:
    if compose is None or wanted.stack is None:
        return Leftovers()
    return observe_leftovers(engine, compose, wanted.document, wanted.stack, state)


def _differences(
    engine: Engine, compose: Compose | None, wanted: Wanted, state: State
) -> tuple[tuple[Difference, ...], str | None]:
    """Return what runs otherwise than it would be started now, or what kept that from being found out."""
    if compose is None or wanted.stack is None:
        return (), None
    files = WantedStack(wanted.document, wanted.stack)
    try:
        return differences(wanted.stack, state, look_at_runs(compose, engine, files, state)), None
    except OpsError as error:
        return (), f"what runs otherwise than wanted is unknown: {error.message}"


def _wanted(compose: Compose | None) -> Wanted:
    if compose is None:
        return Wanted()
    try:
        document = compose.document()
        stack = compose.stack_of(document)
    except OpsError as error:
        return Wanted(note=f"what is wanted is unknown: {error.message}")
    try:
        current = {row.image: row.current for row in list_images(document) if row.id and row.current is not None}
    except OpsError as error:
        return Wanted(stack, document, note=f"whether images are current is unknown: {error.message}")
    return Wanted(stack, document, current)
