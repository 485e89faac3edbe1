"""Which spans of a trace are the hops of a probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimus_ops.traces.model import Span, Trace
from optimus_ops.traces.smoke.probe import Hop


@dataclass(frozen=True)
class FoundHops:
    """The spans of each hop by its label; those that are elsewhere in the tree than they must be are apart.

    Spans of another kind are those of a hop only where none has the right one.
    """

    hops: tuple[Hop, ...]
    spans: Mapping[str, tuple[Span, ...]]
    elsewhere: Mapping[str, tuple[Span, ...]]

    @property
    def missing(self) -> tuple[Hop, ...]:
        """The hops without a span at their place, in order."""
        return tuple(hop for hop in self.hops if not self.spans[hop.label])


def find_hops(trace: Trace | None, hops: Sequence[Hop]) -> FoundHops:
    """Find the spans of all hops."""
    spans: dict[str, tuple[Span, ...]] = {}
    elsewhere: dict[str, tuple[Span, ...]] = {}
    for hop in hops:
        named = tuple(span for span in trace.spans if hop.names(span)) if trace else ()
        if trace and hop.below:
            under = below_of(trace, spans.get(hop.below, ()))
            spans[hop.label] = _of_kind(hop, [span for span in named if id(span) in under])
            elsewhere[hop.label] = tuple(span for span in named if id(span) not in under)
        else:
            spans[hop.label] = _of_kind(hop, named)
    return FoundHops(tuple(hops), spans, elsewhere)


def _of_kind(hop: Hop, spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(filter(hop.is_of_kind, spans)) or tuple(spans)


def below_of(trace: Trace, tops: Sequence[Span]) -> set[int]:
    """Return the spans (by `id`) that are below any of some spans."""
    found: set[int] = set()
    waiting = list(tops)
    while waiting:
        for child in trace.children(waiting.pop()):
            if id(child) not in found:
                found.add(id(child))
                waiting.append(child)
    return found
