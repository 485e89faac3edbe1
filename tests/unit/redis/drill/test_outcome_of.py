"""What a writer may say of a write: acknowledged, rejected, or that it can't know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import BusyLoadingError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_ops.redis.drill.callers import judge_answer
from optimus_ops.redis.drill.outcome import Moved, NotReplicated, Stage, outcome_of

answers = st.sampled_from(
    [
        ReadOnlyError("You can't write against a read only replica.", status_code="READONLY"),
        ResponseError("NOREPLICAS Not enough good replicas to write."),
        ResponseError("MISCONF Errors writing to the AOF file"),
        BusyLoadingError("Redis is loading the dataset in memory", status_code="LOADING"),
    ]
)
silences = st.sampled_from(
    [
        TimeoutError(),
        RedisTimeoutError(),
        RedisConnectionError("reset"),
        ConnectionResetError(),
        Moved(),
        NotReplicated(),
    ]
)
stages: st.SearchStrategy[Stage] = st.sampled_from(["connect", "write", "replicate"])


@given(stages)
def test_only_what_did_not_fail_is_acknowledged(stage: Stage) -> None:
    assert outcome_of(stage, None) == ("acknowledged", "")


@given(stages, st.one_of(answers, silences))
def test_what_failed_is_never_acknowledged_and_has_a_reason(stage: Stage, error: Exception) -> None:
    outcome, word = outcome_of(stage, error)

    assert outcome != "acknowledged"
    assert word


@given(st.one_of(answers, silences))
def test_what_was_never_sent_is_rejected(error: Exception) -> None:
    assert outcome_of("connect", error)[0] == "rejected"


@given(answers)
def test_what_a_server_answers_with_an_error_is_rejected(error: Exception) -> None:
    assert outcome_of("write", error)[0] == "rejected"


@given(silences)
def test_what_nobody_answered_may_have_been_taken(error: Exception) -> None:
    assert outcome_of("write", error)[0] == "indeterminate"


@given(st.one_of(answers, silences))
def test_what_was_taken_is_never_rejected_afterwards(error: Exception) -> None:
    assert outcome_of("replicate", error)[0] == "indeterminate"


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
def test_an_error_is_told_in_a_word(error: Exception, word: str) -> None:
    assert outcome_of("write", error)[1] == word


@pytest.mark.parametrize(
    ("status", "stored", "outcome"),
    [
        (200, "", "acknowledged"),
        (200, "false", "indeterminate"),
        (503, "", "indeterminate"),
        (504, "", "indeterminate"),
        (401, "", "rejected"),
        (429, "", "rejected"),
    ],
)
def test_a_service_that_fails_may_have_written(status: int, stored: str, outcome: str) -> None:
    assert judge_answer(status, stored)[0] == outcome
