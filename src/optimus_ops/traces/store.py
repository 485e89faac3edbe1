"""What is asked of a store of traces, and of one of logs; `connect` finds out which one answers at an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from optimus_ops.errors import OpsError
from optimus_ops.traces.model import Trace


class StoreFailed(OpsError):  # noqa: N818 - as its base
    """A store can't be reached, or answers something that is no answer; the message says which."""


class PartialTrace(StoreFailed):
    """The store says that it has left out a part of the trace."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line of a log: nanoseconds since 1970, the service ("" if unknown), and the text as it was written."""

    time_ns: int
    service: str
    text: str


class TraceStore(Protocol):
    """A store of traces; each method raises `StoreFailed`."""

    @property
    def name(self) -> str:
        """What it is, for people, such as `Tempo 2.9.0`."""

    def ready(self) -> bool:
        """Tell whether it takes queries; False also where nothing answers."""

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace by its id, None where there is none.

        Raises:
            PartialTrace: the store has left out a part of it.
        """

    def search(self, attributes: Mapping[str, str], since: float, until: float, most: int = 20) -> tuple[str, ...]:
        """Return ids of traces, newest first, that have a span with all attributes (any trace if empty).

        Attributes are those of a span or of its resource, and `name`; times are seconds since 1970.
        """


class LogStore(Protocol):
    """A store of logs; each method raises `StoreFailed`."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    def ready(self) -> bool:
        """Tell whether it takes queries; False also where nothing answers."""

    def lines(self, trace_id: str, since: float, until: float) -> tuple[StoredLine, ...]:
        """Return the lines that hold a trace's id, oldest first; times are seconds since 1970."""
