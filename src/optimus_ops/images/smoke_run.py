"""Starting services by themselves on the engine, and looking at what their containers are and how they stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.port import Engine
from optimus_ops.model.state import Replica
from optimus_ops.system.process import Completed, DeadlinePassed
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock, run_parallel, wait_until

START_SECONDS = 120.0
STAYS_UP_SECONDS = 5.0
COMMAND_SECONDS = 15.0
OUTPUT_LINES = 5
GONE = "its container is gone"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a service's container did.

    Args:
        up_seconds: from its start until it answered, or until it counted as up; None if it did neither.
        ended: how it ended by itself, in a few words; "" if it did not.
        output: the last lines that it wrote.
        status: `/proc/1/status` in it, "" where it can't be read; `mounts` likewise.
        stop_seconds: from the stop signal to its end.
        in_time: whether it ended by itself then, and not by SIGKILL.
        exit_code: with what it ended.
    """

    service: str
    up_seconds: float | None = None
    ended: str = ""
    output: tuple[str, ...] = ()
    status: str = ""
    mounts: str = ""
    stop_seconds: float = 0.0
    in_time: bool = False
    exit_code: int = 0


@dataclass
class SmokeRun:
    """One run, of the services of a smoke model.

    Args:
        compose: that model's.
        alive: service -> command in its container that ends with 0 as soon as the service answers; one without
            counts as up when it has run for a while.
        grace: service -> seconds that it may take to stop.
    """

    engine: Engine
    compose: Compose
    alive: Mapping[str, Sequence[str]]
    grace: Mapping[str, float]
    report: Callable[[str], None] = lambda _text: None
    clock: Clock = SYSTEM_CLOCK
    began: float = field(default=0.0, init=False)
    up: dict[str, float] = field(default_factory=dict, init=False)

    def observe(self) -> tuple[Observed, ...]:
        """Start the services, look at each, stop them; nothing of them is left, however this ends."""
        with self._nothing_left():
            self.report(f"starting {', '.join(self.grace)}")
            self.began = self.clock.monotonic()
            self.compose.up(dict.fromkeys(self.grace, 1))
            wait_until(self._settled, START_SECONDS, clock=self.clock)
            observed = {seen.service: seen for seen in run_parallel(self._observed, self._replicas())}
            return tuple(observed.get(name, Observed(name, ended=GONE)) for name in self.grace)

    @contextmanager
    def _nothing_left(self) -> Iterator[None]:
        # Also what a run left that was killed.
        self._remove()
        try:
            yield
        finally:
            self._remove()

    def _remove(self) -> None:
        for replica in self._replicas():
            self.engine.remove(replica.id)

    def _replicas(self) -> tuple[Replica, ...]:
        return self.engine.observe(self.compose.project.name).replicas

    def _settled(self) -> bool:
        """Tell whether each service is up or has ended; note since when."""
        replicas = self._replicas()
        for replica in replicas:
            if replica.running and replica.service not in self.up and self._is_up(replica):
                self.up[replica.service] = self.clock.monotonic() - self.began
                self.report(f"{replica.service} is up")
        return all(replica.service in self.up or not replica.occupied for replica in replicas)

    def _is_up(self, replica: Replica) -> bool:
        command = self.alive.get(replica.service)
        if not command:
            return self.clock.monotonic() - self.began >= STAYS_UP_SECONDS
        return self._exec(replica, command).code == 0

    def _observed(self, replica: Replica) -> Observed:
        service = replica.service
        seen = partial(Observed, service, self.up.get(service), output=self.engine.logs(replica.id, tail=OUTPUT_LINES))
        if not replica.occupied:
            return seen(ended=replica.condition, exit_code=replica.exit_code)
        status, mounts = (self._file(replica, path) for path in ("/proc/1/status", "/proc/1/mounts"))
        self.report(f"stopping {service}")
        signalled = self.clock.monotonic()
        in_time = self.engine.stop(replica.id, seconds=self.grace[service])
        took = self.clock.monotonic() - signalled
        code = next((ended.exit_code for ended in self._replicas() if ended.id == replica.id), 0)
        return seen(status=status, mounts=mounts, stop_seconds=took, in_time=in_time, exit_code=code)

    def _file(self, replica: Replica, path: str) -> str:
        done = self._exec(replica, ["cat", path])
        return done.stdout if done.code == 0 else ""

    def _exec(self, replica: Replica, command: Sequence[str]) -> Completed:
        """Run a command in a container; one that hangs has failed."""
        try:
            return self.engine.exec(replica.id, command, seconds=COMMAND_SECONDS)
        except DeadlinePassed as error:
            return Completed(tuple(command), 1, "", error.message)
