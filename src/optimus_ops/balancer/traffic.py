"""Watching through the balancer's log what replicas do, and judging the new ones by it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from optimus_ops.balancer.access_log import parse_line
from optimus_ops.balancer.observation import ObservationPolicy, Verdict, describe, early, judge
from optimus_ops.balancer.sample import Sample, Tally, merged
from optimus_ops.engine.errors import EngineGone, NoSuchThing
from optimus_ops.errors import OpsError
from optimus_ops.system.wait import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from optimus_ops.engine.port import Engine, LogStream
    from optimus_ops.model.state import Replica
    from optimus_ops.system.wait import Clock

POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
JOIN_SECONDS = 2.0
LONGEST_LINE = 64 * 1024
TAIL_LINES = 3


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of the traffic.

    Args:
        samples: replica -> what it did.
        ended: why the window ended early; None if it did not.
        read: how many lines of the log were requests.
        unreadable: how many could not be read.
    """

    samples: Mapping[str, Sample]
    ended: str | None
    read: int = 0
    unreadable: int = 0


def observe_new(
    docker: Engine,
    balancer: str,
    new: Sequence[Replica],
    old: Sequence[Replica],
    seconds: float,
    *,
    look: Callable[[str], str | None],
    clock: Clock = SYSTEM_CLOCK,
) -> Verdict:
    """Watch new replicas beside old ones, and judge them; ends at once when they are bad beyond doubt.

    Args:
        docker: the engine.
        balancer: the balancer's container.
        new: the new replicas, running and known to the balancer.
        old: the old ones, likewise. Those that drain are neither.
        seconds: how long.
        look: told about twice a second what was seen so far; may return what is bad anyway (a new replica has ended,
            for example), which ends the window, and is the verdict.
        clock: tells the time.

    Raises:
        OpsError: the balancer's container is gone.
        MachineLacks: the engine does not answer any more.
    """
    policy = ObservationPolicy()
    names = {replica.name for replica in new}

    def sides(samples: Mapping[str, Sample]) -> tuple[Sample, Sample]:
        return (
            merged(sample for name, sample in samples.items() if name in names),
            merged(sample for name, sample in samples.items() if name not in names),
        )

    def look_at(samples: Mapping[str, Sample]) -> str | None:
        return look(describe(*sides(samples))) or early(*sides(samples), policy)

    before = () if seconds <= 0 else docker.logs(balancer, tail=TAIL_LINES, stderr=False)
    watched = watch_traffic(docker, balancer, addresses([*new, *old]), seconds, look=look_at, clock=clock)
    verdict = replace(judge(*sides(watched.samples), policy), blind=blind_spot(watched, before))
    if watched.ended is None:
        return verdict
    others = [reason for reason in verdict.reasons if reason != watched.ended]
    return replace(verdict, good=False, reasons=(watched.ended, *others))


def blind_spot(watched: Watched, before: Sequence[str]) -> str:
    """Return why the log says nothing, or not all, of the traffic; "" where it can be read.

    Args:
        watched: what was read of it in the window.
        before: its last lines before, which are those of the requests that proved the routing to the new replicas.
    """
    lines = [line for line in before if line.strip()]
    unreadable = watched.unreadable + sum(parse_line(line) is None for line in lines)
    if unreadable:
        return f"{unreadable} of {watched.unreadable + watched.read + len(lines)} lines can't be read"
    if not lines and not watched.read:
        return "no request is in it, though the balancer was just asked"
    return ""


def addresses(replicas: Sequence[Replica]) -> dict[str, str]:
    """Return IP address -> name of replicas, on whichever network the balancer reaches them."""
    return {address: replica.name for replica in replicas for address in replica.addresses.values() if address}


def watch_traffic(
    docker: Engine,
    balancer: str,
    replicas: Mapping[str, str],
    seconds: float,
    *,
    look: Callable[[Mapping[str, Sample]], str | None],
    clock: Clock = SYSTEM_CLOCK,
) -> Watched:
    """Count what replicas do from now on, for so many seconds whether or not there is traffic.

    Time is monotonic, and the log is followed from its end: no clock is asked, so that one that jumps changes nothing.

    Args:
        docker: the engine.
        balancer: the balancer's container.
        replicas: IP address -> name of the replicas of interest.
        seconds: how long.
        look: told about twice a second what was seen so far; returns why the window shall end now, or None.
        clock: tells the time.

    Raises:
        OpsError: the balancer's container is gone.
        MachineLacks: the engine does not answer any more.
    """
    began = clock.monotonic()
    tally = Tally(replicas)
    guard = threading.Lock()

    lines: Counter[bool] = Counter()

    def take(line: bytes) -> None:
        if not line.strip():
            return
        request = parse_line(line)
        with guard:
            lines[request is not None] += 1
            if request is not None:
                tally.add(request, clock.monotonic() - began)

    def samples() -> dict[str, Sample]:
        with guard:
            return tally.samples()

    ended: str | None = None
    with _Follower(docker, balancer, take) as follower:
        while ended is None and (left := began + seconds - clock.monotonic()) > 0:
            clock.sleep(min(POLL_SECONDS, left))
            if follower.gone.is_set():
                raise OpsError("the balancer's container is gone: nobody can say what the new replicas do")
            ended = look(samples())
    if follower.failing and not docker.answers():
        raise EngineGone
    return Watched(samples(), ended, read=lines[True], unreadable=lines[False])


class _Follower:
    """Follows what a container writes to standard output from now on, in a thread; over restarts of it or the engine.

    A read from the engine has no end of its own: it is ended by closing the connection under it.
    """

    def __init__(self, engine: Engine, container: str, take: Callable[[bytes], None]) -> None:
        self._engine = engine
        self._container = container
        self._take = take
        self._closed = threading.Event()
        self._guard = threading.Lock()
        self._stream: LogStream | None = None
        self.gone = threading.Event()
        self.failing = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        with self._guard:
            self._close()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not (self._closed.is_set() or self.gone.is_set()):
            try:
                self._follow()
                self.failing = False
            except NoSuchThing:
                self.gone.set()
            except OpsError:
                self.failing = True
            self._closed.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        stream = self._engine.stream_logs(self._container, stderr=False)
        with self._guard:
            self._stream = stream
            if self._closed.is_set():
                self._close()
        pending = b""
        for piece in stream:
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                self._take(line)
            if len(pending) > LONGEST_LINE:
                pending = b""

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
