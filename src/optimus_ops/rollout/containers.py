"""Starting, watching, draining and removing the containers of one project."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from optimus_ops.balancer.endpoints import endpoint_of
from optimus_ops.balancer.routing import Known, check_routing
from optimus_ops.errors import OpsError
from optimus_ops.plan.order import needed_by
from optimus_ops.rollout.replica_health import Judge
from optimus_ops.stack.config_changes import Gifts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from optimus_ops.change.deadlines import Deadlines
    from optimus_ops.engine.compose import Compose
    from optimus_ops.engine.observe import Docker
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State
    from optimus_ops.plan.step import ContainerRef
    from optimus_ops.text.console import Progress

Thing = TypeVar("Thing")

POLL_SECONDS = 0.1
LOG_LINES = 20
# Health checks come every 30 s if nothing else is said.
RESUME_SECONDS = 40.0
TOGETHER = 16


@dataclass(frozen=True)
class Containers:
    """The containers of one project.

    Args:
        compose: its files.
        docker: its engine.
        stack: what is wanted.
        before: what ran before the first step.
        deadlines: how long things may take.
    """

    compose: Compose
    docker: Docker
    stack: Stack
    before: State
    deadlines: Deadlines

    @property
    def judge(self) -> Judge:
        """Return who tells what this change started from what was there."""
        return Judge(self.before)

    def observe(self, services: Collection[str] | None = None) -> State:
        """Return what is there now, of all services or of some."""
        return self.docker.observe(self.compose.project.name, services)

    def start_replicas(
        self, counts: Mapping[str, int], note: Callable[[str], None], *, ended: Collection[str] = ()
    ) -> None:
        """Create new replicas until each service has its count running, and start them; nothing else is touched.

        Args:
            counts: service -> replicas that run afterwards.
            note: told how far it is.
            ended: ids of those that don't count, though they may run again by now.
        """
        # Compose tries to start whatever it finds in such a state, also where it shall only create.
        self._wait_for_removals(self.observe())
        state = self.observe()
        there = {name: len(state.of(name)) for name in self.stack.services if state.of(name)}
        running = {name: sum(found.id not in ended for found in state.running(name)) for name in counts}
        wanted = {name: there.get(name, 0) + count - running[name] for name, count in counts.items()}
        more = {name: count for name, count in wanted.items() if count > there.get(name, 0)}
        if not more:
            return
        self._make(more, note)

    def _make(self, counts: Mapping[str, int], note: Callable[[str], None]) -> tuple[Replica, ...]:
        """Make containers until each service has its count, as plain Compose makes them, and start them.

        Returns:
            those that were made.
        """
        state = self.observe()
        needed = frozenset[str]().union(*(needed_by(self.stack, name) for name in counts)) - counts.keys()
        others = {name: len(state.of(name)) for name in needed if state.of(name)}
        self.compose.create(counts, others, on_line=note)
        made = tuple(replica for replica in self.observe().replicas if replica.id not in state.ids)
        self._note_configs(made)
        # A job that others wait for has a step of its own.
        waited_for = self.stack.jobs - counts.keys()
        each([new for new in made if new.service not in waited_for], lambda new: self.docker.start(new.id))
        return made

    def start_others(self, counts: Mapping[str, int], note: Callable[[str], None]) -> None:
        """Start containers that are no replicas: what ended is started again, or made anew if it is described anew."""
        self._wait_for_removals(self.observe(counts))
        state = self.observe()
        fresh = {name: count for name, count in counts.items() if not state.of(name)}
        idle = {name: count for name, count in counts.items() if name not in fresh and not state.running(name)}
        busy = {name: count for name, count in counts.items() if state.running(name)}
        if fresh:
            self._make(fresh, note)
        if idle:
            self._set_going(idle)
            self.compose.up(idle, existing="replace", on_line=note)
        if busy:
            # Replacing would take what runs as well.
            self.compose.up(busy, existing="keep", on_line=note)
        self._note_configs(replica for replica in self.observe().replicas if replica.id not in state.ids)

    def start_job(self, service: str, note: Callable[[str], None]) -> str:
        """Make the container of a job anew, in place of that of its last run, and start it; return its id.

        Its digest is the one of plain Compose, so that it tells whether its definition changed.
        """
        for former in self.observe((service,)).of(service):
            if former.occupied:
                # Of a change that was killed.
                self.docker.stop(former.id, seconds=former.stop_seconds)
            self.docker.remove(former.id)
        return next(made.id for made in self._make({service: 1}, note) if made.service == service)

    def restart(self, victims: Iterable[ContainerRef], seconds: float) -> None:
        """Restart containers in place."""
        each(victims, lambda victim: self.docker.restart(victim.container, seconds=seconds))

    def wait_for_dependencies(self, names: Collection[str], note: Callable[[str], None]) -> None:
        """Wait until each of some services that run already has a healthy replica.

        Raises:
            OpsError: one has none in time.
        """
        until = time.monotonic() + self.deadlines.healthy
        while True:
            state = self.observe(names)
            late = [name for name in names if not any(replica.ready for replica in state.of(name))]
            if not late:
                return
            note(f"not healthy yet: {', '.join(late)}")
            if time.monotonic() >= until:
                said = "\n".join(self.said(replica) for replica in state.of(late[0])) or "    (it has no container)"
                seconds = f"{self.deadlines.healthy:.0f} s"
                raise OpsError(
                    f"no replica of {late[0]} is healthy after {seconds}, and what starts depends on it; "
                    f"it said last:\n{said}"
                )
            time.sleep(POLL_SECONDS)

    def _wait_for_removals(self, state: State) -> None:
        """Wait until what the engine is removing is gone, and remove what it could not: neither can be started."""
        each(
            [replica for replica in state.replicas if replica.status in {"removing", "dead"}],
            lambda replica: self.docker.remove(replica.id),
        )

    def _set_going(self, names: Collection[str]) -> None:
        """Let what waits for its next start begin at once."""
        for replica in self.observe(names).replicas:
            if replica.status == "restarting" or replica.crashing:
                self.docker.restart(replica.id, seconds=replica.stop_seconds)

    def _note_configs(self, made: Iterable[Replica]) -> None:
        self.note_configs({replica.id: replica.service for replica in made})

    def note_configs(self, services: Mapping[str, str]) -> None:
        """Note with which configuration containers were started.

        Args:
            services: container id -> service.
        """
        Gifts.of(self.compose, self.stack).note(services, self.observe().ids)

    def note_reloaded(self, container: str, service: str) -> None:
        """Note that a container has read its mounted configuration again; all else is what it was started with."""
        Gifts.of(self.compose, self.stack).note_reloaded(container, service, self.observe().ids)

    def wait_healthy(self, counts: Mapping[str, int], note: Callable[[str], None], *, new: bool) -> None:
        """Wait until what was started is healthy; what was there before is neither judged nor waited for.

        Args:
            counts: service -> healthy replicas.
            note: told how far it is.
            new: whether only those count that were not there before the first step.

        Raises:
            OpsError: what was started ended, is unhealthy, or is not healthy in time.
        """
        until = time.monotonic() + self.deadlines.healthy
        while True:
            state = self.observe(counts)
            watched = {name: self._watched(state, name, new=new) for name in counts}
            ready = {
                name: sum(replica.ready or self._has_done_its_work(replica) for replica in replicas)
                for name, replicas in watched.items()
            }
            note(", ".join(f"{name} {ready[name]}/{count}" for name, count in counts.items()))
            own = tuple(
                found
                for replicas in watched.values()
                for found in replicas
                if self.judge.is_own(found) and not self._has_done_its_work(found)
            )
            if bad := self.judge.failed(own):
                raise OpsError(f"{bad[0].name} {bad[0].condition}; it said last:\n{self.said(bad[0])}")
            late = next((replica for replica in own if not replica.ready), None)
            if late is None and all(len(watched[name]) >= count for name, count in counts.items()):
                return
            if time.monotonic() >= until:
                seconds = f"{self.deadlines.healthy:.0f} s"
                if late is None:
                    raise OpsError(f"replicas are missing after {seconds}: {counts}, healthy are {ready}")
                raise OpsError(f"{late.name} is not healthy after {seconds}; it said last:\n{self.said(late)}")
            time.sleep(POLL_SECONDS)

    def _watched(self, state: State, name: str, *, new: bool) -> tuple[Replica, ...]:
        """Return what may be healthy in the end: of replicas, those that had ended before stay as they are."""
        if new:
            return self.new_replicas(state, name)
        if not self.stack.services[name].scalable:
            return state.of(name)
        ended = {replica.id for replica in self.before.resumed().replicas if not replica.running}
        return tuple(replica for replica in state.of(name) if replica.id not in ended)

    def _has_done_its_work(self, replica: Replica) -> bool:
        """Tell whether a container ended well that is no replica, and that nothing starts again: it was made to end."""
        service = self.stack.services[replica.service]
        return (
            replica.status == "exited"
            and replica.exit_code == 0
            and not service.scalable
            and service.restart in {"no", "on-failure"}
        )

    def new_replicas(self, state: State, name: str) -> tuple[Replica, ...]:
        """Return the replicas of a service that were not there before the first step."""
        return tuple(replica for replica in state.of(name) if replica.id not in self.before.ids)

    def said(self, replica: Replica) -> str:
        """Return the last lines that a replica wrote, indented."""
        return "\n".join(f"    {line}" for line in self.docker.logs(replica.id, tail=LOG_LINES)) or "    (nothing)"

    def stop(self, victims: Iterable[ContainerRef], seconds: float, progress: Progress) -> None:
        """Stop replicas, all at once, each of which drains; complain of those that did not end by themselves.

        Nobody complains of what nobody was served by: what was unhealthy before, and what no file wants.
        """
        leaving = list(victims)
        served = {
            replica.id
            for replica in self.before.replicas
            if replica.health != "unhealthy" and replica.service in self.stack.services
        }
        left = {victim.name for victim in leaving}
        began = time.monotonic()
        progress.note = f"draining: {', '.join(sorted(left))}"
        with ThreadPoolExecutor(max_workers=TOGETHER) as pool:
            asked = {pool.submit(self.docker.stop, victim.container, seconds=seconds): victim for victim in leaving}
            for answer in as_completed(asked):
                victim = asked[answer]
                if not answer.result() and victim.container in served:
                    progress.complaints.append(_killed(victim.name, time.monotonic() - began, seconds))
                left.discard(victim.name)
                progress.note = f"draining: {', '.join(sorted(left))}" if left else f"{len(leaving)} stopped"

    def resume(self, victims: Iterable[ContainerRef], note: Callable[[str], None]) -> None:
        """Let frozen containers go on, and give them the time of a health check: theirs failed meanwhile."""
        going_on = {victim.container: victim.name for victim in victims}
        each(going_on, self.docker.unpause)
        until = time.monotonic() + RESUME_SECONDS
        while time.monotonic() < until:
            ready = {replica.id for replica in self.observe().replicas if replica.ready}
            late = [name for container, name in going_on.items() if container not in ready]
            note(f"not healthy yet: {', '.join(late)}" if late else "healthy")
            if not late:
                return
            time.sleep(POLL_SECONDS)

    def remove(self, victims: Iterable[ContainerRef]) -> None:
        """Remove containers."""
        each(victims, lambda victim: self.docker.remove(victim.container))

    def verify(self, services: Iterable[str], settle: float, note: Callable[[str], None]) -> None:
        """Prove through the balancer that every replica answers that was started, and none that is gone.

        Args:
            services: the services.
            settle: seconds for which everything has to stay right.
            note: told what was seen.
        """
        state = self.observe()
        requests, excused = 0, False
        for name in services:
            # Whoever is started again and again answers at times, too.
            there = [replica for replica in state.of(name) if replica.occupied]
            expected = {replica.hostname: replica.name for replica in there}
            routing = check_routing(
                name,
                endpoint_of(self.stack, state, name),
                expected,
                deadline=self.deadlines.routing,
                settle=settle,
                known=Known(self.judge.serving_before(there), self.judge.unwell(there)),
            )
            requests += sum(routing.seen.values())
            excused = excused or bool(self.judge.unwell(there))
            if not routing.good:
                raise OpsError(f"{name} through {self.stack.balancer} ({routing.endpoint}): {routing.verdict}")
        note(f"{requests} requests, every replica {'that is well ' if excused else ''}answered")


def each(things: Iterable[Thing], act: Callable[[Thing], object]) -> None:
    """Do something with each of several things, at the same time."""
    with ThreadPoolExecutor(max_workers=TOGETHER) as pool:
        for future in [pool.submit(act, thing) for thing in things]:
            future.result()


def _killed(name: str, after: float, seconds: float) -> str:
    if after >= seconds:
        return f"{name} did not drain within {seconds:.0f} s and was killed; what it had in flight is cut"
    return f"{name} was killed after {after:.0f} s, while it drained; what it had in flight is cut"
