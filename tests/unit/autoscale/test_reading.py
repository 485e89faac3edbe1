"""`/metrics` of a replica, as text, and what it comes to."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.autoscale.reading import Ended, Reading, parse_reading

WEB = """\
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/v1/chat",http_response_status_code="200",le="0.1"} 2.0
http_server_request_duration_seconds_bucket{http_route="/v1/chat",http_response_status_code="200",le="+Inf"} 3.0
http_server_request_duration_seconds_count{http_route="/v1/chat",http_response_status_code="200"} 3.0
http_server_request_duration_seconds_sum{http_route="/v1/chat",http_response_status_code="200"} 1.5
http_server_request_duration_seconds_count{http_route="/v1/chat",http_response_status_code="429"} 1.0
http_server_request_duration_seconds_sum{http_route="/v1/chat",http_response_status_code="429"} 0.5
# TYPE http_server_active_requests gauge
http_server_active_requests 5.0
# TYPE optimus_tenant_requests_total counter
optimus_tenant_requests_total{tenant="acme",status_class="2xx"} 3.0
optimus_tenant_requests_total{tenant="acme",status_class="4xx"} 1.0
# TYPE optimus_queue_messages gauge
optimus_queue_messages{state="waiting"} 7.0
optimus_queue_messages{state="dead"} 9.0
# TYPE optimus_queue_oldest_message_age_seconds gauge
optimus_queue_oldest_message_age_seconds{tenant="acme"} 2.0
optimus_queue_oldest_message_age_seconds{tenant="globex"} 4.0
"""
WORKER = """\
# TYPE optimus_worker_busy_slots gauge
optimus_worker_busy_slots 3.0
# TYPE optimus_queue_processing_duration_seconds histogram
optimus_queue_processing_duration_seconds_count{outcome="answered"} 4.0
optimus_queue_processing_duration_seconds_sum{outcome="answered"} 8.0
"""


def test_requests_are_summed_by_route_and_the_one_that_asks_is_left_out() -> None:
    reading = parse_reading(WEB)
    assert reading.ended == {"/v1/chat": Ended(4, 2)}
    assert (reading.in_flight, reading.worker) == (4, False)
    assert reading.buckets[0.1] == 2
    assert reading.tenants == {"acme": 4}
    assert (reading.waiting, reading.oldest) == (7, 4)


def test_a_worker_s_messages_are_one_class() -> None:
    reading = parse_reading(WORKER)
    assert (reading.in_flight, reading.worker) == (3, True)
    assert reading.ended == {"messages": Ended(4, 8)}
    assert reading.waiting is None


def test_what_is_not_told_is_none() -> None:
    assert parse_reading("# TYPE up gauge\nup 1\n") == Reading()


@given(
    st.one_of(st.text(), st.sampled_from([WEB, WORKER]).flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[:n])))
)
def test_what_is_no_metrics_raises_value_error_and_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_reading(text), Reading)


def test_a_page_is_no_metrics() -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_reading("<html>not found</html>")
