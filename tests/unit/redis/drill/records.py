"""Recordings of made-up runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from optimus_ops.redis.drill.faults import KILL, Fault
from optimus_ops.redis.drill.record import (
    WRITE_OUTCOMES,
    Fact,
    Recording,
    RoleChange,
    SentinelEvent,
    Write,
    WriteKind,
    WriteOutcome,
)

HOSTS = {"10.0.0.1": "one", "10.0.0.2": "two", "10.0.0.3": "three"}
INJECTED_AT = 100.0
PLAIN = WriteKind("plain")
WAITING = WriteKind("wait", safe=True)
NEAR = WriteKind("near", pinned=True)
CHAT = WriteKind("chat", safe=True, service=True)


def write(
    name: str,
    at: float,
    outcome: WriteOutcome = "acknowledged",
    *,
    kind: WriteKind = PLAIN,
    node: str = "one",
    error: str = "",
) -> Write:
    """Return a write that took 10 ms."""
    return Write(name, kind.name, at - 0.01, at, outcome, node, error)


def steady(began: float, ended: float, *, kind: WriteKind = PLAIN, node: str = "one") -> list[Write]:
    """Return acknowledged writes, one each 100 ms."""
    count = round((ended - began) * 10)
    times = [began + number / 10 for number in range(count + 1)]
    return [write(f"{kind.name}-{at:.1f}", at, kind=kind, node=node) for at in times]


def event(after: float, sentinel: str, channel: str, text: str = "master mymaster 10.0.0.1 6379") -> SentinelEvent:
    """Return what a sentinel published so many seconds after the fault."""
    return SentinelEvent(INJECTED_AT + after, sentinel, channel, text)


def failover(sentinel: str = "s1", epoch: int = 2, after: float = 0.0) -> list[SentinelEvent]:
    """Return what three sentinels publish in a fail-over from one to two."""
    switch = "mymaster 10.0.0.1 6379 10.0.0.2 6379"
    return [
        event(after + 0.50, "s1", "+sdown"),
        event(after + 0.55, "s2", "+sdown"),
        event(after + 0.60, sentinel, "+odown", "master mymaster 10.0.0.1 6379 #quorum 2/2"),
        event(after + 0.60, sentinel, "+new-epoch", str(epoch)),
        event(after + 0.60, sentinel, "+try-failover"),
        event(after + 0.65, "s2", "+new-epoch", str(epoch)),
        event(after + 0.70, sentinel, "+elected-leader"),
        event(after + 1.70, "s2", "+switch-master", switch),
        event(after + 1.72, "s3", "+switch-master", switch),
        event(after + 2.70, "s1", "+switch-master", switch),
    ]


def roles() -> list[RoleChange]:
    """Return the servers' roles before that fail-over, in it, and after the old master is back."""
    return [
        RoleChange(98.0, "one", "master"),
        RoleChange(98.0, "two", "replica", "10.0.0.1", linked=True),
        RoleChange(98.0, "three", "replica", "10.0.0.1", linked=True),
        RoleChange(100.1, "one", ""),
        RoleChange(100.1, "two", "replica", "10.0.0.1"),
        RoleChange(101.0, "two", "master"),
        RoleChange(101.8, "three", "replica", "10.0.0.2", linked=True),
        RoleChange(104.0, "one", "replica", "10.0.0.2"),
        RoleChange(105.0, "one", "replica", "10.0.0.2", linked=True),
    ]


def recording(
    writes: Sequence[Write] = (),
    *,
    lost: Sequence[str] = (),
    events: Sequence[SentinelEvent] | None = None,
    seen: Sequence[RoleChange] | None = None,
    kinds: Sequence[WriteKind] = (PLAIN, WAITING),
    present: Mapping[str, int] | None = None,
    facts: Mapping[str, Fact] | None = None,
    fault: Fault = KILL,
) -> Recording:
    """Return a run with a fail-over in which everything acknowledged is kept, but for what is `lost`."""
    kept = {made.id: int(made.acknowledged and made.id not in lost) for made in writes}
    return Recording(
        fault=fault,
        number=1,
        master="one",
        hosts=HOSTS,
        replicas=2,
        started_at=98.0,
        injected_at=INJECTED_AT,
        healing_at=103.0,
        converged_at=106.0,
        kinds=tuple(kinds),
        writes=tuple(writes),
        events=tuple(failover() if events is None else events),
        roles=tuple(roles() if seen is None else seen),
        present=kept if present is None else present,
        facts=facts or {},
    )


times = st.floats(90.0, 120.0, allow_nan=False)


@st.composite
def any_writes(draw: st.DrawFn) -> list[Write]:
    """Return writes with ids of their own, in no order."""
    count = draw(st.integers(0, 12))
    return [
        write(
            f"w{number}",
            draw(times),
            draw(st.sampled_from(WRITE_OUTCOMES)),
            node=draw(st.sampled_from(["one", "two", ""])),
            error=draw(st.sampled_from(["", "timeout", "READONLY"])),
        )
        for number in range(count)
    ]
