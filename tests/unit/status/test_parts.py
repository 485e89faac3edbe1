"""Numbers, statistics and stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.engine.parse import parse_limits, parse_sample
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.status.stores import (
    Database,
    RedisServer,
    Sentinel,
    Unreachable,
    parse_store,
    probe_command,
    store_kind,
)
from optimus_ops.status.usage import cpus_between
from optimus_ops.text.units import BAR_CELLS, age, bar, cores, size

NONE = Sample()
INFO = """\
# Server
redis_version:8.0.2
# Clients
connected_clients:3
# Memory
used_memory:1048576
maxmemory:201326592
maxmemory_policy:noeviction
# Replication
role:slave
master_link_status:down
connected_slaves:0
"""


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1K"),
        (1536, "1.5K"),
        (384 * 1024**2, "384M"),
        (1023 * 1024**2, "1G"),
        (2**60, "1024P"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown


@given(st.integers(0, 2**55))
def test_a_size_has_at_most_three_digits_and_is_about_right(count: int) -> None:
    shown = size(count)
    value = float(shown[:-1]) * 1024 ** "BKMGTP".index(shown[-1])

    assert len(shown.removesuffix(shown[-1]).replace(".", "")) <= 3
    assert abs(value - count) <= 0.06 * max(count, 1)


@given(st.integers(0, 10**9))
def test_ages_never_shrink_with_time(seconds: int) -> None:
    order = "smhd"
    now, later = age(seconds), age(seconds + 1)
    assert (order.index(now[-1]), int(now[:-1])) <= (order.index(later[-1]), int(later[:-1]))


@pytest.mark.parametrize(
    ("count", "shown"), [(0.0, "0"), (0.3, "0.3"), (0.31, "0.31"), (1.0, "1"), (2.5, "2.5"), (12.4, "12")]
)
def test_cores(count: float, shown: str) -> None:
    assert cores(count) == shown


@given(st.floats(0, 3))
def test_a_bar_has_its_width_and_is_full_only_when_full(fraction: float) -> None:
    drawn = bar(fraction)
    assert len(drawn) == BAR_CELLS
    assert (drawn == "▰" * BAR_CELLS) == (fraction >= 1.0)


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


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("postgres:17", "postgres"),
        ("pgvector/pgvector:0.8.1-pg16", "postgres"),
        ("optimus-standin/postgres:17", "postgres"),
        ("redis:8.0-alpine", "redis"),
        ("registry.example:5000/library/redis@sha256:00", "redis"),
        ("valkey/valkey:8", "redis"),
        ("oliver006/redis_exporter:1", None),
        ("prometheuscommunity/postgres-exporter:1", None),
        ("nginx:1.30", None),
    ],
)
def test_stores_are_known_by_their_image(image: str, kind: str | None) -> None:
    assert store_kind(image) == kind


def test_no_password_stands_in_a_probe_command() -> None:
    for kind in ("postgres", "redis"):
        *_, script = probe_command("postgres" if kind == "postgres" else "redis")
        assert "$(cat" in script


def test_a_database_says_its_connections() -> None:
    said = '{"most": 100, "reserved": 3, "clients": {"": 1, "172.18.0.9": 13}}\n'
    assert parse_store("postgres", 0, said, "") == Database(14, 97)


def test_a_redis_server_says_its_role_and_memory() -> None:
    found = parse_store("redis", 0, INFO.replace("\n", "\r\n"), "")

    assert found == RedisServer("slave", 2**20, 192 * 2**20, "noeviction", 2, 0, False)


def test_a_sentinel_says_whom_it_watches() -> None:
    said = "# Sentinel\r\nmaster0:name=mymaster,status=ok,address=10.0.0.11:6379,slaves=2,sentinels=3\r\n"
    assert parse_store("redis", 0, said, "") == Sentinel("10.0.0.11:6379", "ok", 2, 3)


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "reason"),
    [
        (2, "", "psql: error: x\nthe server is starting up\n", "the server is starting up"),
        (1, "", "", "its client ended with 1"),
        (0, "NOAUTH Authentication required.\n", "", "NOAUTH Authentication required."),
        (0, "", "", "it answered nothing"),
    ],
)
def test_a_store_that_answers_something_else_is_unreachable(code: int, stdout: str, stderr: str, reason: str) -> None:
    assert parse_store("redis", code, stdout, stderr) == Unreachable(reason)
