"""A log that can't be read is told: replicas that answer 500 to everything must not pass in silence."""

from __future__ import annotations

import json

import pytest

from optimus_ops.balancer.traffic import ObservedTraffic, blind_spot

READABLE = json.dumps(
    {
        "seconds": 0.01,
        "upstream": "172.18.0.4:80",
        "upstream_status": "200",
        "upstream_connect_seconds": "0.000",
        "upstream_header_seconds": "0.010",
    }
)
COMBINED = '172.18.0.1 - - [28/Nov/2026:11:00:00 +0000] "GET / HTTP/1.1" 500 0 "-" "probe"'


def test_lines_of_another_format_are_counted() -> None:
    assert blind_spot(ObservedTraffic({}, None, read=1, unreadable=3), (READABLE,)) == "3 of 5 lines can't be read"
    assert blind_spot(ObservedTraffic({}, None), (COMBINED, READABLE)) == "1 of 2 lines can't be read"


@pytest.mark.parametrize("before", [(), ("", "  ")])
def test_a_log_without_the_requests_that_were_just_sent_is_told(before: tuple[str, ...]) -> None:
    assert "no request is in it" in blind_spot(ObservedTraffic({}, None), before)


def test_a_log_that_can_be_read_hides_nothing() -> None:
    assert blind_spot(ObservedTraffic({}, None, read=5), ()) == ""
    assert blind_spot(ObservedTraffic({}, None), ("", READABLE)) == ""
