"""Answers that are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optimus_ops.evals.cache import AnswerCache, Question
from optimus_ops.evals.model import Answer, Message

QUESTION = Question("http://a/v1", "model", (Message("user", "Where?"),), 0)
ANSWER = Answer("Here: ação", "stop", 12, 3, 1.5, 0.002, "answer/en@1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_kept_comes_back_without_the_time_that_it_took(tmp_path: Path) -> None:
    AnswerCache(tmp_path).keep(QUESTION, ANSWER)

    assert AnswerCache(tmp_path).get(QUESTION, 60) == replace(ANSWER, seconds=None)


@pytest.mark.parametrize(
    "other",
    [
        replace(QUESTION, endpoint="http://b/v1"),
        replace(QUESTION, model="other"),
        replace(QUESTION, repeat=1),
        replace(QUESTION, messages=(Message("system", "Where?"),)),
        replace(QUESTION, messages=(Message("user", "Where? "),)),
        replace(QUESTION, messages=(*QUESTION.messages, Message("user", ""))),
    ],
)
def test_another_question_has_another_answer(tmp_path: Path, other: Question) -> None:
    cache = AnswerCache(tmp_path)
    cache.keep(QUESTION, ANSWER)

    assert cache.get(other, 60) is None


def test_what_is_too_old_is_asked_again(tmp_path: Path) -> None:
    clock = Clock()
    cache = AnswerCache(tmp_path, clock)
    cache.keep(QUESTION, ANSWER)
    clock.now += 100

    assert cache.get(QUESTION, 100) is not None
    assert cache.get(QUESTION, 99) is None


@pytest.mark.parametrize("content", [b"", b'{"at": 1e9, "text": "x"', b"[]", b'{"at": "x"}', b"\xff", b'{"at": 9e9}'])
def test_what_is_damaged_is_asked_again(tmp_path: Path, content: bytes) -> None:
    cache = AnswerCache(tmp_path)
    cache.keep(QUESTION, ANSWER)
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)

    assert cache.get(QUESTION, 1e12) is None
