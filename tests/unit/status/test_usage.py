from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.engine.parse import parse_limits, parse_sample
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.status.usage import Usage, cpus_between, total

NONE = Sample()


def sample(at: datetime, nanoseconds: int) -> Sample:
    raw = {"read": at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"), "cpu_stats": {"cpu_usage": {"total_usage": nanoseconds}}}
    return parse_sample(raw)


@given(st.floats(0, 64), st.integers(1, 5_000_000))
def test_cores_used_are_the_cpu_time_by_the_time_between_samples(used: float, microseconds: int) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    later = sample(begin + timedelta(microseconds=microseconds), 7 + round(used * microseconds * 1000))

    assert cpus_between(sample(begin, 7), later) == pytest.approx(used, abs=0.01)


@pytest.mark.parametrize(("first", "second"), [(NONE, NONE), (sample(datetime(2026, 1, 1, tzinfo=UTC), 1), NONE)])
def test_without_two_samples_the_use_is_unknown(first: Sample, second: Sample) -> None:
    assert cpus_between(first, second) is None
    assert cpus_between(first, first) is None


def test_memory_is_what_the_kernel_would_not_give_back() -> None:
    assert parse_sample({"memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}}).memory == 70
    assert parse_sample({"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 40}}}).memory == 60
    assert parse_sample({"memory_stats": {}}).memory is None


def test_limits_are_read_in_both_notations() -> None:
    assert parse_limits({"HostConfig": {"NanoCpus": 500_000_000, "Memory": 1024}, "RestartCount": 2}) == Limits(
        0.5, 1024, restarts=2
    )
    assert parse_limits({"HostConfig": {"CpuQuota": 150_000, "CpuPeriod": 100_000}}).cpus == 1.5
    assert parse_limits({"HostConfig": {"NanoCpus": 0, "Memory": 0}}) == Limits()


def test_what_a_service_uses_is_what_is_known_of_its_replicas_and_its_limit_that_of_all() -> None:
    limited = Usage(1.5, 100, Limits(cpus=2.0, memory=512, restarts=1))
    assert total([limited, limited]) == Usage(3.0, 200, Limits(4.0, 1024, restarts=2))
    assert total([limited, Usage()]) == Usage(1.5, 100, Limits(restarts=1))
    assert total([]) == Usage()


def test_a_container_whose_cpu_the_engine_does_not_tell_uses_what_is_unknown() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    assert cpus_between(Sample(begin), Sample(begin + timedelta(seconds=1), 1.0)) is None
