from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from optimus_ops.engine.values import ContainerStart
from optimus_ops.errors import OpsError
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
