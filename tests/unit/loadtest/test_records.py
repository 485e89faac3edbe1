from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.loadtest.records import FlowKey, Interval, Recorder, WorkerEnd, decode, encode

KEY = FlowKey("chat", "acme")


@given(
    st.integers(0, 10_000),
    st.dictionaries(st.sampled_from(["timeout", "status 500"]), st.integers(1, 100)),
    st.lists(st.floats(min_value=0, max_value=100), max_size=20),
)
def test_a_record_is_read_as_it_was_written(second: int, failed: dict[str, int], latencies: list[float]) -> None:
    written = Interval(second, KEY, len(latencies) + sum(failed.values()), len(latencies), failed)
    for latency in latencies:
        written.latency.record(latency)
    read = decode(encode(written))
    assert isinstance(read, Interval)
    assert (read.second, read.key, read.offered, read.ok, read.failed) == (
        written.second,
        KEY,
        written.offered,
        written.ok,
        failed,
    )
    assert read.latency.counts == written.latency.counts


@pytest.mark.parametrize("line", ["", "{", "[]", "17", '{"second": 1}', '{"ready":true}', '{"second":1,"class":"a"'])
def test_what_is_no_record_is_passed_over(line: str) -> None:
    assert decode(line) is None


def test_a_recorder_writes_what_came_since_the_last_time_and_its_end() -> None:
    lines: list[str] = []
    recorder = Recorder(lines.append)
    recorder.interval(KEY, 3.7).ok += 1
    recorder.flush()
    recorder.flush()
    recorder.interval(KEY, 3.9).ok += 2
    recorder.end(5)
    found = [decode(line) for line in lines]
    assert [interval.ok for interval in found if isinstance(interval, Interval)] == [1, 2]
    assert [interval.second for interval in found if isinstance(interval, Interval)] == [3, 3]
    assert found[-1] == WorkerEnd(5)
