"""Carrying steps out on Docker Compose, and undoing them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from optimus_ops.balancer.endpoints import endpoint_of
from optimus_ops.balancer.routing import check_routing
from optimus_ops.engine.observe import CONNECT_HINT
from optimus_ops.engine.process import CommandFailed
from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.plan.steps import (
    Build,
    MakeBases,
    Migrate,
    Pull,
    Remove,
    RemoveNetwork,
    Start,
    Stop,
    VerifyRouting,
    WaitHealthy,
    WriteSecrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from optimus_ops.console import Progress
    from optimus_ops.engine.compose import Compose
    from optimus_ops.engine.observe import Docker
    from optimus_ops.engine.state import Replica, State
    from optimus_ops.plan.steps import Step

Thing = TypeVar("Thing")

POLL_SECONDS = 0.2
LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long steps may take, in seconds.

    Args:
        healthy: from the start of replicas until all are healthy.
        migrate: one run of the migrations job.
        routing: until the balancer's routing is as it should be.
    """

    healthy: float = 180.0
    migrate: float = 600.0
    routing: float = 20.0


@dataclass(frozen=True)
class Rooms:
    """What steps need of other rooms; handed in, so that an actor can be had without them.

    Args:
        write_secrets: completes and projects the secrets.
        make_bases: makes stand-ins for the public images named.
        build: builds the images of the services named.
    """

    write_secrets: Callable[[], None]
    make_bases: Callable[[tuple[str, ...], Callable[[str], None]], None]
    build: Callable[[tuple[str, ...], Callable[[str], None]], None]


@dataclass(frozen=True)
class Before:
    """What was there before the first step: what an undo goes back to."""

    state: State
    volumes: frozenset[str]
    networks: frozenset[str]


@dataclass(frozen=True)
class ComposeActor:
    """Carries the steps of a plan out on one engine."""

    compose: Compose
    docker: Docker
    rooms: Rooms
    before: Before
    deadlines: Deadlines = Deadlines()

    def act(self, step: Step, progress: Progress) -> None:
        """Carry one step out; raise `OpsError` if it fails, `MachineLacks` if that is because the engine is gone."""
        try:
            self._act(step, progress)
        except CommandFailed as error:
            if not self.docker.answers():
                raise MachineLacks(f"the Docker engine stopped answering during: {step.text}", CONNECT_HINT) from error
            raise

    def _act(self, step: Step, progress: Progress) -> None:
        def note(text: str) -> None:
            progress.note = text.strip()[:100]

        match step:
            case WriteSecrets():
                self.rooms.write_secrets()
            case MakeBases(images=images):
                self.rooms.make_bases(images, note)
            case Pull(services=services):
                self.compose.run("pull", "--quiet", *services, on_line=note)
            case Build(services=services):
                self.rooms.build(services, note)
            case _:
                self._act_on_containers(step, note)

    def _act_on_containers(self, step: Step, note: Callable[[str], None]) -> None:
        match step:
            case Start(counts=counts, replace=replace):
                self.compose.up(dict(counts), existing="replace" if replace else "keep", on_line=note)
            case WaitHealthy(counts=counts):
                self._wait_healthy(dict(counts), note)
            case Migrate(service=service):
                self._migrate(service, note)
            case VerifyRouting(counts=counts, settle=settle):
                self._verify([name for name, _count in counts], settle, note)
            case Stop(victims=victims, seconds=seconds):
                self._each(victims, lambda victim: self.docker.stop(victim.container, seconds=seconds))
            case Remove(victims=victims):
                self._each(victims, lambda victim: self.docker.remove(victim.container))
            case RemoveNetwork(network=network):
                self.docker.remove_network(network)
            case _:
                raise OpsError(f"no way to carry out a step of kind {step.kind!r}")

    def _each(self, things: Iterable[Thing], act: Callable[[Thing], None]) -> None:
        with ThreadPoolExecutor(max_workers=16) as pool:
            for future in [pool.submit(act, thing) for thing in things]:
                future.result()

    def _wait_healthy(self, counts: Mapping[str, int], note: Callable[[str], None]) -> None:
        until = time.monotonic() + self.deadlines.healthy
        while True:
            state = self.docker.observe(self.compose.project.name)
            note(", ".join(f"{name} {_ready(state, name)}/{count}" for name, count in counts.items()))
            if all(_ready(state, name) >= count for name, count in counts.items()):
                return
            if bad := failed(state, counts):
                raise OpsError(f"{bad[0].name} {how_it_failed(bad[0])}; it said last:\n{self._said(bad[0])}")
            if time.monotonic() >= until:
                late = next(r for name in counts for r in state.of(name) if not r.ready)
                seconds = f"{self.deadlines.healthy:.0f} s"
                raise OpsError(f"{late.name} is not healthy after {seconds}; it said last:\n{self._said(late)}")
            time.sleep(POLL_SECONDS)

    def _migrate(self, service: str, note: Callable[[str], None]) -> None:
        self.compose.up({service: 1}, existing="recreate", on_line=note)
        until = time.monotonic() + self.deadlines.migrate
        while True:
            job = self.docker.observe(self.compose.project.name).of(service)[-1]
            if job.status == "exited":
                break
            note(next(iter(reversed(self.docker.logs(job.id, tail=1))), ""))
            if time.monotonic() >= until:
                raise OpsError(
                    f"{service} did not end within {self.deadlines.migrate:.0f} s; it said last:\n{self._said(job)}"
                )
            time.sleep(POLL_SECONDS)
        if job.exit_code != 0:
            raise OpsError(f"{service} ended with {job.exit_code}; no replica was started. It said:\n{self._said(job)}")
        note(next(iter(reversed(self.docker.logs(job.id, tail=1))), ""))

    def _said(self, replica: Replica) -> str:
        return "\n".join(f"    {line}" for line in self.docker.logs(replica.id, tail=LOG_LINES)) or "    (nothing)"

    def _verify(self, services: list[str], settle: float, note: Callable[[str], None]) -> None:
        # Read anew: making stand-ins or writing secrets may have changed what the files say.
        stack = self.compose.stack()
        state = self.docker.observe(self.compose.project.name)
        requests = 0
        for name in services:
            expected = {replica.hostname: replica.name for replica in state.running(name)}
            routing = check_routing(
                name, endpoint_of(stack, state, name), expected, deadline=self.deadlines.routing, settle=settle
            )
            requests += sum(routing.seen.values())
            if not routing.good:
                raise OpsError(f"{name} through {stack.balancer} ({routing.endpoint}): {routing.verdict}")
        note(f"{requests} requests, every replica answered")

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Remove the containers, networks and volumes made since the first step; start what was stopped since."""
        name = self.compose.project.name
        now = self.docker.observe(name)
        new = [replica for replica in now.replicas if replica.id not in self.before.state.ids]
        was_running = {replica.id for replica in self.before.state.replicas if replica.running}
        stopped = [replica for replica in now.replicas if replica.id in was_running and not replica.running]
        for replica in stopped:
            self.docker.start(replica.id)
        self._each(new, lambda replica: self.docker.remove(replica.id))
        volumes = [volume for volume in self.docker.volumes(name) if volume not in self.before.volumes]
        for volume in volumes:
            self.docker.remove_volume(volume)
        networks = [network for network in self.docker.networks(name) if network not in self.before.networks]
        for network in networks:
            self.docker.remove_network(network)
        progress.note = f"{len(new)} containers removed, {len(stopped)} started again"
        return (
            *(f"removed {replica.name}" for replica in new),
            *(f"started {replica.name} again" for replica in stopped),
            *(f"removed volume {volume}" for volume in volumes),
            *(f"removed network {network}" for network in networks),
        )


def observe_before(docker: Docker, project: str) -> Before:
    """Return what is there before the first step."""
    return Before(docker.observe(project), frozenset(docker.volumes(project)), frozenset(docker.networks(project)))


def _ready(state: State, name: str) -> int:
    return sum(replica.ready for replica in state.of(name))


def failed(state: State, counts: Mapping[str, int]) -> tuple[Replica, ...]:
    """Return the replicas that will not become healthy by waiting: ended, dead, restarting or unhealthy."""
    bad = {"exited", "dead", "restarting"}
    return tuple(
        replica
        for name in counts
        for replica in state.of(name)
        if replica.status in bad or (replica.running and replica.health == "unhealthy")
    )


def how_it_failed(replica: Replica) -> str:
    """Return in a few words what became of a replica."""
    if replica.running:
        return "is unhealthy"
    return f"ended with {replica.exit_code}" if replica.status != "restarting" else "ended and is being restarted"
