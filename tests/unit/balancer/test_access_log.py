from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.balancer.access_log import Attempt, Request, parse_line


def line(**changes: Any) -> str:
    """Return a line of the balancer's log, as nginx writes it."""
    facts: dict[str, Any] = {
        "time": "2026-01-01T00:00:00+00:00",
        "service": "nginx-lb",
        "status": 200,
        "seconds": 0.012,
        "upstream": "172.18.0.4:8010",
        "upstream_status": "200",
        "upstream_connect_seconds": "0.001",
        "upstream_header_seconds": "0.011",
        "upstream_seconds": "0.012",
    }
    return json.dumps({**facts, **changes})


def attempts(**changes: Any) -> tuple[Attempt, ...]:
    request = parse_line(line(**changes))
    return request.attempts if request is not None else ()


def test_a_request_is_its_time_and_who_answered_it() -> None:
    assert parse_line(line()) == Request(0.012, (Attempt("172.18.0.4", 200, True, 0.011),))


def test_a_request_that_was_tried_elsewhere_has_an_attempt_for_each_replica() -> None:
    assert attempts(
        upstream="172.18.0.4:8010, 172.18.0.5:8010",
        upstream_status="502, 200",
        upstream_connect_seconds="-, 0.000",
        upstream_header_seconds="-, 0.020",
    ) == (Attempt("172.18.0.4", 502, False, None), Attempt("172.18.0.5", 200, True, 0.02))


def test_servers_of_another_group_are_attempts_too() -> None:
    tried = attempts(
        upstream="172.18.0.4:8010 : 172.18.0.6:8020",
        upstream_status="502 : 200",
        upstream_connect_seconds="0.000 : 0.000",
        upstream_header_seconds="- : 0.1",
    )
    assert [attempt.address for attempt in tried] == ["172.18.0.4", "172.18.0.6"]


def test_a_connection_that_was_cut_was_one() -> None:
    [attempt] = attempts(upstream_status="502", upstream_header_seconds="-")
    assert (attempt.status, attempt.connected, attempt.seconds) == (502, True, None)


def test_a_client_that_went_away_before_an_answer_leaves_no_status() -> None:
    [attempt] = attempts(status=499, upstream_status="-", upstream_header_seconds="-")
    assert attempt.status is None


def test_an_address_may_be_of_version_6() -> None:
    assert attempts(upstream="[fd00::4]:8010")[0].address == "fd00::4"


@pytest.mark.parametrize("nobody", ["", "-"])
def test_a_request_that_reached_no_replica_has_no_attempt(nobody: str) -> None:
    request = parse_line(line(upstream=nobody, upstream_status=nobody))
    assert request is not None
    assert request.attempts == ()


def test_what_is_no_line_of_the_log_is_none() -> None:
    for noise in (b"", b"2026/01/01 [error] connect() failed", b"[]", b"null", b"{}", b"\xff", b'{"upstream": 4}'):
        assert parse_line(noise) is None


@given(st.binary() | st.text())
def test_any_noise_is_none(noise: bytes | str) -> None:
    assert parse_line(noise) is None


FIELDS = ["upstream", "upstream_status", "upstream_connect_seconds", "upstream_header_seconds", "seconds"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.text("0123456789.,: -[]naif²", max_size=20) | st.floats() | st.none())
)
def test_whatever_the_fields_hold_the_numbers_are_numbers(changes: dict[str, Any]) -> None:
    request = parse_line(line(**changes))
    if request is not None:
        assert math.isfinite(request.seconds)
        assert all(attempt.status is None or 0 <= attempt.status <= 999 for attempt in request.attempts)
        assert all(attempt.seconds is None or math.isfinite(attempt.seconds) for attempt in request.attempts)


@given(
    st.lists(
        st.tuples(
            st.ip_addresses(v=4).map(str),
            st.integers(100, 599),
            st.none() | st.floats(0, 300),
            st.none() | st.floats(0, 9),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_attempts_come_back_as_they_were_written(tried: list[tuple[str, int, float | None, float | None]]) -> None:
    def joined(values: list[object]) -> str:
        return ", ".join("-" if value is None else str(value) for value in values)

    request = parse_line(
        line(
            upstream=joined([f"{address}:8010" for address, *_ in tried]),
            upstream_status=joined([status for _, status, *_ in tried]),
            upstream_header_seconds=joined([header for *_, header, _ in tried]),
            upstream_connect_seconds=joined([connect for *_, connect in tried]),
        )
    )
    assert request is not None
    assert [(a.address, a.status, a.seconds, a.connected) for a in request.attempts] == [
        (address, status, header, connect is not None) for address, status, header, connect in tried
    ]
