"""What a writer may say of a write: acknowledged, rejected, or that it can't know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import BusyLoadingError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.redis.drill.service_workload import request_outcome
from optimus_ops.redis.drill.writers import MasterMoved, NotReplicated, Stage, write_outcome

refusals = st.sampled_from(
    [
        ReadOnlyError("You can't write against a read only replica.", status_code="READONLY"),
        ResponseError("NOREPLICAS Not enough good replicas to write."),
        ResponseError("MISCONF Errors writing to the AOF file"),
        BusyLoadingError("Redis is loading the dataset in memory", status_code="LOADING"),
    ]
)
timeouts = st.sampled_from(
    [
        TimeoutError(),
        RedisTimeoutError(),
        RedisConnectionError("reset"),
        ConnectionResetError(),
        MasterMoved(),
        NotReplicated(),
    ]
)
stages: st.SearchStrategy[Stage] = st.sampled_from(["connect", "write", "replicate"])


@given(stages)
def test_only_what_did_not_fail_is_acknowledged(stage: Stage) -> None:
    assert write_outcome(stage, None) == ("acknowledged", "")


@given(stages, st.one_of(refusals, timeouts))
def test_what_failed_is_never_acknowledged_and_has_a_reason(stage: Stage, error: Exception) -> None:
    outcome, word = write_outcome(stage, error)

    assert outcome != "acknowledged"
    assert word


@given(st.one_of(refusals, timeouts))
def test_what_was_never_sent_is_rejected(error: Exception) -> None:
    assert write_outcome("connect", error)[0] == "rejected"


@given(refusals)
def test_what_a_server_answers_with_an_error_is_rejected(error: Exception) -> None:
    assert write_outcome("write", error)[0] == "rejected"


@given(timeouts)
def test_a_write_without_an_answer_may_have_been_applied(error: Exception) -> None:
    assert write_outcome("write", error)[0] == "indeterminate"


@given(st.one_of(refusals, timeouts))
def test_an_applied_write_is_never_rejected_afterwards(error: Exception) -> None:
    assert write_outcome("replicate", error)[0] == "indeterminate"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ReadOnlyError("…", status_code="READONLY"), "READONLY"),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), "NOREPLICAS"),
        (NotReplicated(), "WAIT 0"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection lost"),
    ],
)
def test_an_error_has_a_word(error: Exception, word: str) -> None:
    assert write_outcome("write", error)[1] == word


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (None, 200, ("acknowledged", "")),
        (ErrorKind.WRONG, 200, ("indeterminate", "answered, not stored")),
        (ErrorKind.STATUS, 503, ("indeterminate", "HTTP 503")),
        (ErrorKind.STATUS, 504, ("indeterminate", "HTTP 504")),
        (ErrorKind.STATUS, 401, ("rejected", "HTTP 401")),
        (ErrorKind.STATUS, 429, ("rejected", "HTTP 429")),
        (ErrorKind.CONNECT, 0, ("rejected", "no connection")),
        (ErrorKind.TIMEOUT, 0, ("indeterminate", "no answer within 5 s")),
        (ErrorKind.RESET, 0, ("indeterminate", "connection lost")),
        (ErrorKind.TRUNCATED, 200, ("indeterminate", "connection lost")),
    ],
)
def test_a_service_that_fails_may_have_written(error: ErrorKind | None, status: int, outcome: tuple[str, str]) -> None:
    result = RequestResult("id", "chat", 0.0, 0.0, 1.0, status=status, error=error)

    assert request_outcome(result, 5.0) == outcome
