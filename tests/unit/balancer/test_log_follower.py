"""Following the balancer's output over everything that can happen to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from tests.unit.stacks import replica

from optimus_ops.balancer import log_follower
from optimus_ops.balancer.log_follower import LONGEST_LINE, LogFollower
from optimus_ops.balancer.sample import TrafficSample
from optimus_ops.balancer.traffic import observe_new, observe_traffic
from optimus_ops.engine.errors import EngineGone, NoSuchThing
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError

SECONDS = 30.0
"""As long as a test waits for what must come."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follower, "RETRY_SECONDS", 0.001)


class Stream:
    """Pieces of output; `then` is what happens after the last one."""

    def __init__(self, *pieces: bytes, then: Callable[[], None] = lambda: None) -> None:
        self.pieces, self.then, self.closed = pieces, then, threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        self.then()

    def close(self) -> None:
        self.closed.set()


class Output:
    """An engine whose streams come one after the other; without any left, the container is gone."""

    def __init__(self, *streams: Stream | OpsError, answering: bool = True) -> None:
        self.streams, self.answering = list(streams), answering

    def stream_logs(self, _container: str, **_options: Any) -> Stream:
        if not self.streams:
            raise NoSuchThing("it was removed")
        found = self.streams.pop(0)
        if isinstance(found, OpsError):
            raise found
        return found

    def answers(self) -> bool:
        return self.answering


def followed(*streams: Stream | OpsError) -> list[bytes]:
    """Return the lines that are read until the container is gone."""
    lines: list[bytes] = []
    with LogFollower(cast("Engine", Output(*streams)), "lb", lines.append) as follower:
        assert follower.gone.wait(SECONDS)
    return lines


def test_lines_are_whole_however_the_output_is_cut_into_pieces() -> None:
    assert followed(Stream(b"one\ntw", b"o\nthree\n", b"no end")) == [b"one", b"two", b"three"]


def test_it_goes_on_after_a_restart_of_the_container_and_of_the_engine() -> None:
    assert followed(Stream(b"one\n"), EngineGone("restarting"), Stream(b"two\n")) == [b"one", b"two"]


def test_a_line_without_end_takes_no_memory_for_ever() -> None:
    endless = Stream(b"x" * LONGEST_LINE, b"x", b"rest\nnext\n")
    assert followed(endless) == [b"rest", b"next"]


def test_leaving_ends_a_read_that_would_never_end() -> None:
    reading = threading.Event()
    silent = Stream()

    def read() -> None:
        reading.set()
        silent.closed.wait(SECONDS)

    silent.then = read
    with LogFollower(cast("Engine", Output(silent)), "lb", list[bytes]().append):
        assert reading.wait(SECONDS)
    assert silent.closed.is_set()


def test_a_stream_that_opens_while_it_is_left_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    opening, left = threading.Event(), threading.Event()
    late = Stream()

    class Slow(Output):
        def stream_logs(self, _container: str, **_options: Any) -> Stream:
            opening.set()
            left.wait(SECONDS)
            return late

    monkeypatch.setattr(log_follower, "JOIN_SECONDS", 0.0)
    with LogFollower(cast("Engine", Slow()), "lb", list[bytes]().append):
        assert opening.wait(SECONDS)
    left.set()
    assert late.closed.wait(SECONDS)


def test_new_replicas_can_t_be_observed_without_the_balancer() -> None:
    with pytest.raises(OpsError, match="the balancer's container is gone"):
        observe_traffic(cast("Engine", Output()), "lb", {}, SECONDS, reason_to_end=lambda _samples: None)


def test_a_window_that_the_engine_did_not_survive_is_no_verdict() -> None:
    output = Output(*(EngineGone("it is stopped") for _ in range(10_000)), answering=False)
    looked = iter(["", "", "seen enough"])
    with pytest.raises(EngineGone):
        observe_traffic(cast("Engine", output), "lb", {}, SECONDS, reason_to_end=lambda _samples: next(looked) or None)


LINE = (
    b'{"upstream": "10.0.0.2:8000", "upstream_status": "200", "upstream_connect_seconds": "0.001",'
    b' "upstream_header_seconds": "0.01", "seconds": "0.01"}\n'
)


def quiet_after(*pieces: bytes) -> Iterator[Stream]:
    """Give output, and then nothing for as long as a test takes."""
    yield Stream(*pieces)
    yield from (Stream() for _ in range(100_000))


def test_a_window_ends_at_once_where_a_new_replica_is_bad_anyway() -> None:
    class Logged(Output):
        def logs(self, _container: str, **_options: Any) -> tuple[str, ...]:
            return (LINE.decode(),)

    told: list[str] = []

    def inspect(found: str) -> str | None:
        told.append(found)
        return "shop-web-2 ended with 7"

    new = replica("web", 2, addresses={"shop": "10.0.0.2"})
    verdict = observe_new(cast("Engine", Logged(*quiet_after(LINE))), "lb", [new], [], SECONDS, inspect=inspect)
    assert (verdict.good, verdict.reasons[0]) == (False, "shop-web-2 ended with 7")
    assert len(told) == 1


def test_requests_are_counted_by_replica_and_what_is_no_request_is_counted_apart() -> None:
    def seen(samples: Mapping[str, TrafficSample]) -> str | None:
        return "enough" if samples and samples["web-1"].requests == 2 else None

    found = observe_traffic(
        cast("Engine", Output(*quiet_after(LINE, b"\n", b"nginx: not json\n", LINE))),
        "lb",
        {"10.0.0.2": "web-1"},
        SECONDS,
        reason_to_end=seen,
    )
    assert (found.ended, found.read, found.unreadable) == ("enough", 2, 1)
