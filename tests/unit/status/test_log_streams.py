from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from optimus_ops.engine.values import ContainerStart
from optimus_ops.errors import OpsError
from optimus_ops.status import log_streams
from optimus_ops.status.log_streams import LogStreams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.engine.port import Engine


def stamped(second: int, text: str) -> bytes:
    return f"2026-11-22T16:52:{second:02}.000000000Z {text}\n".encode()


@dataclass
class Output:
    """Containers' output, and containers that start while it is read."""

    pieces: dict[str, list[bytes]]
    started: list[ContainerStart] = field(default_factory=list)

    def stream_logs(self, container: str, **_: Any) -> Iterator[bytes]:
        if container not in self.pieces:
            raise OpsError("no such container")
        yield from self.pieces[container]

    def starts(self, _: str) -> Iterator[ContainerStart]:
        yield from self.started


def streams(output: Output, *services: str, follow: bool = False) -> LogStreams:
    return LogStreams(cast("Engine", output), "shop", frozenset(services), follow, 100, grace=0.0)


def texts(found: LogStreams) -> list[str]:
    return [line.text for batch in found.batches() for line in batch]


def test_the_beginning_is_in_the_order_of_time() -> None:
    found = streams(Output({"a": [stamped(1, "one"), stamped(3, "three")], "b": [stamped(2, "two")]}))
    found.add("a", "shop-a-1")
    found.add("b", "shop-b-1")
    assert texts(found) == ["one", "two", "three"]


def test_a_container_that_is_gone_ends_its_stream_alone() -> None:
    found = streams(Output({"a": [stamped(1, "one")]}))
    found.add("gone", "shop-gone-1")
    found.add("a", "shop-a-1")
    assert texts(found) == ["one"]


def test_what_a_restarted_container_wrote_before_does_not_come_again() -> None:
    output = Output({"a": [stamped(1, "one"), stamped(2, "two")]})
    found = streams(output)
    found.add("a", "shop-a-1")
    assert texts(found) == ["one", "two"]
    output.pieces["a"].append(stamped(3, "three"))
    found.add("a", "shop-a-1", since=1)
    assert texts(found) == ["three"]


def test_replicas_that_start_later_are_followed_if_they_are_of_interest() -> None:
    started = [ContainerStart("a", "shop-a-1", "a", 1), ContainerStart("b", "shop-b-1", "b", 1)]
    output = Output({"a": [stamped(1, "one")], "b": [stamped(1, "other")]}, started)
    found = streams(output, "a", follow=True)
    # In this thread: how soon another one begins is no matter of the test.
    found._watch(output.starts("shop"))
    assert texts(found) == ["one"]


def test_a_container_that_is_read_already_is_not_read_twice() -> None:
    class Slow(Output):
        def stream_logs(self, container: str, **options: Any) -> Iterator[bytes]:
            assert going.wait(30)
            return super().stream_logs(container, **options)

    going = threading.Event()
    found = streams(Slow({"a": [stamped(1, "one")]}))
    for _ in range(2):
        found.add("a", "shop-a-1")
    going.set()
    assert texts(found) == ["one"]


def test_an_engine_that_is_gone_ends_the_watch_for_new_replicas() -> None:
    class Gone(Output):
        def starts(self, project: str) -> Iterator[ContainerStart]:
            yield from super().starts(project)
            raise OpsError("the engine is gone")

    output = Gone({"a": [stamped(1, "one")]}, [ContainerStart("a", "shop-a-1", "a", 1)])
    found = streams(output, follow=True)
    found._watch(output.starts("shop"))
    assert texts(found) == ["one"]


def test_so_many_lines_that_they_do_not_fit_into_a_batch_are_all_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_streams, "BATCH_LINES", 2)
    output = Output({"a": [stamped(1, "one"), *(stamped(second, "more") for second in range(3, 12))]})
    output.pieces["b"] = [stamped(2, "two")]
    found = streams(output)
    for name in ("a", "b"):
        found.add(name, f"shop-{name}-1")
    assert texts(found) == ["one", "two", *["more"] * 9]


def test_a_replica_that_writes_on_is_followed_after_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_streams, "QUIET_SECONDS", 0.01)
    begun = threading.Event()

    class Steady(Output):
        def stream_logs(self, container: str, **options: Any) -> Iterator[bytes]:
            yield from super().stream_logs(container, **options)
            assert begun.wait(30)
            yield stamped(2, "two")

    found = streams(Steady({"a": [stamped(1, "one")]}), follow=True)
    found.add("a", "shop-a-1")
    shown: list[str] = []
    for number, batch in enumerate(found.batches()):
        shown += [line.text for line in batch]
        if number:
            begun.set()
    assert shown == ["one", "two"]
