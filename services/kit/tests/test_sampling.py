"""Samplers: the SDK's of the same names decide the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from optimus_kit.telemetry.sampling import PARENT_BASED, SAMPLERS, Sampling

TRACE_IDS = st.one_of(st.integers(1, (1 << 128) - 1), st.sampled_from((1, (1 << 64) - 1, 1 << 64, (1 << 128) - 1)))


def theirs(name: str, ratio: float) -> Sampler:
    roots = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF, "traceidratio": TraceIdRatioBased(ratio)}
    root = roots[name.removeprefix(PARENT_BASED)]
    return ParentBased(root) if name.startswith(PARENT_BASED) else root


@pytest.mark.parametrize("name", SAMPLERS)
@given(trace_id=TRACE_IDS, parent=st.sampled_from((None, True, False)), ratio=st.floats(0, 1))
def test_each_decides_as_the_sdk_does(name: str, trace_id: int, parent: bool | None, ratio: float) -> None:
    flags = TraceFlags(TraceFlags.SAMPLED if parent else TraceFlags.DEFAULT)
    above = NonRecordingSpan(SpanContext(trace_id, 1, is_remote=True, trace_flags=flags))
    context = set_span_in_context(above, Context()) if parent is not None else Context()
    expected = theirs(name, ratio).should_sample(context, trace_id, "name").decision is Decision.RECORD_AND_SAMPLE
    assert Sampling(name, ratio).keeps(f"{trace_id:032x}", parent) == expected
