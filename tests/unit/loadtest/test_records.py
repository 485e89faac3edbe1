from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.loadtest.records import FlowKey, Interval, Recorder, TimerDelay, WorkerEnd, decode, encode

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
    recorder.end()
    found = [decode(line) for line in lines]
    assert [interval.ok for interval in found if isinstance(interval, Interval)] == [1, 2]
    assert [interval.second for interval in found if isinstance(interval, Interval)] == [3, 3]
    assert found[-1] == WorkerEnd()


def test_a_late_timer_is_told() -> None:
    lines: list[str] = []
    Recorder(lines.append).timer_delay(0.25)
    assert [decode(line) for line in lines] == [TimerDelay(0.25)]


def test_a_line_for_one_request_is_an_interval_of_one() -> None:
    found = decode('{"request":[0,1500,1600,1900,1650,""]}', [KEY])
    assert isinstance(found, Interval)
    assert (found.second, found.key, found.offered, found.ok, found.failures) == (1, KEY, 1, 1, 0)
    assert (found.latency.maximum, found.first_token.maximum, found.delay.maximum) == (0.4, 0.15, 0.1)


def test_a_line_for_a_request_that_failed_has_no_latency() -> None:
    found = decode('{"request":[0,0,0,3000,-1,"timeout"]}', [KEY])
    assert isinstance(found, Interval)
    assert (found.ok, found.failed, found.latency.count) == (0, {"timeout": 1}, 0)


def test_a_line_of_an_unknown_flow_is_passed_over() -> None:
    assert decode('{"request":[1,0,0,3000,-1,""]}', [KEY]) is None
