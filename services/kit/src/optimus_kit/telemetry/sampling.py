"""Which traces are kept: the standard samplers of OTEL_TRACES_SAMPLER, decided before anything of a span is made."""

from dataclasses import dataclass, field

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
PARENT_BASED = "parentbased_"
# As of the SDK's TraceIdRatioBased: the last 64 bits of the id decide.
LIMIT = 1 << 64


@dataclass(frozen=True)
class Sampling:
    """A sampler.

    Args:
        name: one of SAMPLERS.
        ratio: the part of all traces that a ratio sampler keeps, from 0 to 1.
    """

    name: str = "parentbased_always_on"
    ratio: float = 1.0
    _by_parent: bool = field(init=False, repr=False)
    _below: int = field(init=False, repr=False)
    """A trace is kept if the number in its id is below."""

    def __post_init__(self) -> None:
        root = self.name.removeprefix(PARENT_BASED)
        kept = {"always_on": 1.0, "always_off": 0.0}.get(root, self.ratio)
        object.__setattr__(self, "_by_parent", root != self.name)
        object.__setattr__(self, "_below", round(kept * LIMIT))

    def keeps(self, trace_id: str, parent_sampled: bool | None) -> bool:
        """Decide for a span.

        Args:
            trace_id: of its trace.
            parent_sampled: whether the span it belongs to is kept; None for one that belongs to none.
        """
        if parent_sampled is not None and self._by_parent:
            return parent_sampled
        return int(trace_id[16:], 16) < self._below
