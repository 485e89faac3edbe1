"""What a platform supplies to its generator: requests, and which answers are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from optimus_ops.loadtest.records import FlowKey

WEBSOCKET = "WEBSOCKET"
"""In place of a method: a connection is opened, its first message is the answer, and it is closed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request; it may hold credentials and is never shown.

    Args:
        statuses: that are right.
        streamed: whether the answer comes in pieces, the first of which is timed.
        expected: what a right answer holds somewhere, as what it echoes.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    statuses: frozenset[int] = frozenset({200})
    streamed: bool = False
    expected: bytes = b""


class Workload(Protocol):
    """Makes requests and judges their answers."""

    def call(self, key: FlowKey, number: int) -> Call:
        """Return the request of a number, which is its own in all workers."""

    def begins(self, call: Call, piece: bytes) -> bool:
        """Tell whether what came of a streamed answer so far has its first words."""

    def wrong(self, call: Call, body: bytes) -> str:
        """Return in a few words, always the same ones, what is wrong with a complete answer; "" for nothing."""
