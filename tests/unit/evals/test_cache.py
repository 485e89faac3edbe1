"""Answers that are kept."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from optimus_ops.errors import OpsError
from optimus_ops.evals.cache import AnswerCache, Question
from optimus_ops.evals.model import Answer, Message

QUESTION = Question("http://a/v1", "model", (Message("user", "Where?"),), 0)
ANSWER = Answer("Here: ação", "stop", 12, 3, 1.5, 0.002, "answer/en@1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_kept_comes_back_without_the_time_that_it_took(tmp_path: Path) -> None:
    AnswerCache(tmp_path / "answers.sqlite").keep(QUESTION, ANSWER)

    assert AnswerCache(tmp_path / "answers.sqlite").get(QUESTION, 60) == replace(ANSWER, seconds=None)


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
    cache = AnswerCache(tmp_path / "answers.sqlite")
    cache.keep(QUESTION, ANSWER)

    assert cache.get(other, 60) is None


def test_what_is_too_old_is_asked_again(tmp_path: Path) -> None:
    clock = Clock()
    cache = AnswerCache(tmp_path / "answers.sqlite", clock)
    cache.keep(QUESTION, ANSWER)
    clock.now += 100

    assert cache.get(QUESTION, 100) is not None
    assert cache.get(QUESTION, 99) is None


@pytest.mark.parametrize("content", ["", '{"text": "x"', "[]", '{"text": "x"}', "null", "7"])
def test_what_another_version_wrote_is_asked_again(tmp_path: Path, content: str) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    cache.keep(QUESTION, ANSWER)
    with closing(sqlite3.connect(tmp_path / "answers.sqlite")) as database, database:
        database.execute("UPDATE answers SET answer = ?", (content,))

    assert cache.get(QUESTION, 1e12) is None


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.sqlite").write_bytes(content)

    with pytest.raises(OpsError, match=r"answers\.sqlite: kept answers can't be read or written") as failure:
        AnswerCache(tmp_path / "answers.sqlite").get(QUESTION, 60)
    assert "remove it" in str(failure.value.hint)


def test_no_commit_has_what_is_kept(tmp_path: Path) -> None:
    AnswerCache(tmp_path / "evals" / "answers.sqlite").keep(QUESTION, ANSWER)

    assert (tmp_path / "evals" / ".gitignore").read_text() == "*\n"


def test_threads_and_runs_share_what_is_kept(tmp_path: Path) -> None:
    caches = [AnswerCache(tmp_path / "answers.sqlite") for _ in range(4)]
    questions = [replace(QUESTION, repeat=number) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: caches[number % 4].keep(questions[number], ANSWER), range(200)))

    assert all(caches[0].get(question, 60) for question in questions)
    assert (tmp_path / "answers.sqlite").stat().st_mode & 0o077 == 0
