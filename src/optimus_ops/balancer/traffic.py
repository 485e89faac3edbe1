"""The observation window: what replicas do, counted from the balancer's log, and the new ones compared with the old."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from optimus_ops.balancer.access_log import parse_line
from optimus_ops.balancer.log_follower import LogFollower
from optimus_ops.balancer.observation import CanaryVerdict, ObservationPolicy, compare, describe, failing_early
from optimus_ops.balancer.sample import TrafficCounter, TrafficSample, merged
from optimus_ops.engine.errors import EngineGone
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

POLL_SECONDS = 0.5
TAIL_LINES = 3


@dataclass(frozen=True, slots=True)
class ObservedTraffic:
    """The traffic of a window: samples by replica, why it ended early, and how many lines of the log were requests."""

    samples: Mapping[str, TrafficSample]
    ended: str | None
    read: int = 0
    unreadable: int = 0


def observe_new(
    engine: Engine,
    balancer: str,
    new: Sequence[Replica],
    old: Sequence[Replica],
    seconds: float,
    *,
    inspect: Callable[[str], str | None],
    clock: Clock = SYSTEM_CLOCK,
) -> CanaryVerdict:
    """Compare new replicas with old ones for a while; the window ends at once when they are bad beyond doubt.

    `balancer` is its container; replicas that drain are neither new nor old. `inspect` is called about twice a second
    with what was seen so far; it may return what is bad anyway (a new replica has ended, for example), which ends the
    window, and is the verdict.

    Raises:
        OpsError: the balancer's container is gone.
        EngineGone: as said.
    """
    policy, names = ObservationPolicy(), {replica.name for replica in new}

    def sides(samples: Mapping[str, TrafficSample]) -> tuple[TrafficSample, TrafficSample]:
        return (
            merged(sample for name, sample in samples.items() if name in names),
            merged(sample for name, sample in samples.items() if name not in names),
        )

    def reason_to_end(samples: Mapping[str, TrafficSample]) -> str | None:
        return inspect(describe(*sides(samples))) or failing_early(*sides(samples), policy)

    before = () if seconds <= 0 else engine.logs(balancer, tail=TAIL_LINES, stderr=False)
    traffic = observe_traffic(
        engine, balancer, addresses([*new, *old]), seconds, reason_to_end=reason_to_end, clock=clock
    )
    verdict = replace(compare(*sides(traffic.samples), policy), blind=blind_spot(traffic, before))
    if traffic.ended is None:
        return verdict
    others = [reason for reason in verdict.reasons if reason != traffic.ended]
    return replace(verdict, good=False, reasons=(traffic.ended, *others))


def blind_spot(traffic: ObservedTraffic, before: Sequence[str]) -> str:
    """Return why the log shows none, or not all, of the traffic; "" where it can be read.

    `before` are its last lines before the window: those of the requests that proved the routing to the new replicas.
    """
    lines = [line for line in before if line.strip()]
    unreadable = traffic.unreadable + sum(parse_line(line) is None for line in lines)
    if unreadable:
        return f"{unreadable} of {traffic.unreadable + traffic.read + len(lines)} lines can't be read"
    if not lines and not traffic.read:
        return "no request is in it, though the balancer was just asked"
    return ""


def addresses(replicas: Sequence[Replica]) -> dict[str, str]:
    """Return IP address -> name of replicas, on whichever network the balancer reaches them."""
    return {address: replica.name for replica in replicas for address in replica.addresses.values() if address}


def observe_traffic(
    engine: Engine,
    balancer: str,
    replicas: Mapping[str, str],
    seconds: float,
    *,
    reason_to_end: Callable[[Mapping[str, TrafficSample]], str | None],
    clock: Clock = SYSTEM_CLOCK,
) -> ObservedTraffic:
    """Count what replicas (IP address -> name) do from now on, whether or not there is traffic.

    Time is monotonic, and the log is followed from its end, so that a clock that is set changes nothing.
    `reason_to_end` is called about twice a second, and may end the window.
    """
    began = clock.monotonic()
    counter, guard = TrafficCounter(replicas), threading.Lock()
    lines: Counter[bool] = Counter()

    def count(line: bytes) -> None:
        if not line.strip():
            return
        request = parse_line(line)
        with guard:
            lines[request is not None] += 1
            if request is not None:
                counter.add(request, clock.monotonic() - began)

    def samples() -> dict[str, TrafficSample]:
        with guard:
            return counter.samples()

    ended: str | None = None
    with LogFollower(engine, balancer, count) as follower:
        while ended is None and (left := began + seconds - clock.monotonic()) > 0:
            clock.sleep(min(POLL_SECONDS, left))
            if follower.gone.is_set():
                raise OpsError("the balancer's container is gone: the new replicas can't be observed")
            ended = reason_to_end(samples())
    if follower.failing and not engine.answers():
        raise EngineGone
    return ObservedTraffic(samples(), ended, read=lines[True], unreadable=lines[False])
