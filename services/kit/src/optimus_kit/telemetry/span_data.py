"""What an ended span consists of, whoever recorded it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import Kind


class SpanData(Protocol):
    """An ended span, as the encoder reads it; times are nanoseconds since the epoch."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> Kind:
        """Its kind."""

    @property
    def context(self) -> TraceContext:
        """Its place in the trace."""

    @property
    def parent_id(self) -> str:
        """The span that it belongs to; empty for none."""

    @property
    def remote(self) -> bool:
        """Whether that one is another process's."""

    @property
    def attributes(self) -> Mapping[str, bytes]:
        """What is said of it, by key, encoded."""

    @property
    def links(self) -> Sequence[TraceContext]:
        """Other spans that it has to do with."""

    @property
    def failed(self) -> bool:
        """Whether its status is an error."""

    @property
    def message(self) -> str:
        """Of the error; may be empty."""

    @property
    def started(self) -> int:
        """When it began."""

    @property
    def ended(self) -> int:
        """When it ended."""


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """A span that a library recorded, see `SpanData`."""

    name: str
    kind: Kind
    context: TraceContext
    parent_id: str
    remote: bool
    attributes: Mapping[str, bytes]
    links: Sequence[TraceContext]
    failed: bool
    message: str
    started: int
    ended: int
