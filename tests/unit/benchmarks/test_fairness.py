from __future__ import annotations

from benchmarks.fairness import PLACES, Chats, Effort, Measured, p95_of, row, told, unanswered

from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint
from optimus_ops.load.result import ErrorKind, RequestResult


def answered(after: float, intended: float = 100.0) -> RequestResult:
    return RequestResult("1", "quiet", intended, intended + 0.01, intended + 2 * after, intended + after, 200)


def refused(status: int, wait: str) -> RequestResult:
    headers = {"retry-after": wait}
    return RequestResult("2", "flood", 100.0, 100.0, 100.002, 100.001, status, 9, ErrorKind.STATUS, headers)


RUNS = (
    Measured([answered(0.1), answered(0.3)], [answered(0.5), refused(429, "2"), refused(429, "1")]),
    Measured([answered(0.2), refused(503, "1")], [refused(429, "7")]),
)


def test_the_time_to_the_first_token_counts_from_when_a_request_was_due_and_only_of_answers() -> None:
    assert [round(seconds, 3) for run in RUNS for seconds in run.first_tokens] == [0.1, 0.3, 0.2]
    assert [round(p95, 3) for p95 in p95_of(RUNS)] == [0.3, 0.2]


def test_requests_of_the_quiet_tenant_that_failed_are_an_objective() -> None:
    assert unanswered(RUNS[:1], RUNS[1:]).measured == 1


def test_a_row_has_the_quiet_tenants_times_and_the_floods_rates_over_all_runs() -> None:
    assert row("beside", RUNS, 2.0) == ("beside", "200 ms", "300 ms", "300 ms", "1 of 4", "1/s", "0/s", "1/s")
    assert row("alone", [Measured(RUNS[0].quiet)], 2.0)[5:] == ("", "", "")


def test_what_the_flood_is_told_has_its_rate_and_the_range_of_retry_after() -> None:
    lines = told(RUNS, Effort(2, 1.0))
    assert lines == (("429", "2/s", "2 ms", "2 ms", "1 to 7 s"), ("ok", "0/s", "1000 ms", "1000 ms", ""))


def test_a_stream_that_was_cut_is_no_answer() -> None:
    streams = Chats(Endpoint("127.0.0.1", 1), "quiet", "big")
    whole = Response(status=200, body=bytearray(b'data: {"content": "tok "}\n\ndata: [DONE]\n\n'))
    cut = Response(status=200, body=bytearray(b'data: {"content": "tok "}\n\n'))
    judged = [streams.judge(streams.request(0, 0), response) for response in (whole, cut)]
    assert judged == [None, ErrorKind.TRUNCATED]


def test_the_flood_is_ten_times_what_the_connections_are_enough_for() -> None:
    assert PLACES.flood_rate == 10 * PLACES.capacity
