"""Many are asked at once, and nobody is waited for longer than the deadline."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from optimus_ops.redis.deadline_gather import gather_within


def test_every_question_has_its_answer_in_their_order() -> None:
    notes: list[str] = []
    questions = {n: partial(pow, n, 2) for n in range(5)}
    found = gather_within(30, questions, late=lambda _n: -1, note=notes.append)
    assert list(found.items()) == [(n, n * n) for n in range(5)]
    assert (notes[0], notes[-1]) == ("0/5", "5/5")


def test_who_hangs_is_left_behind() -> None:
    never = threading.Event()
    questions = {"hangs": lambda: str(never.wait(60)), "answers": lambda: "here"}
    found = gather_within(3, questions, late=lambda key: f"{key}: late")
    never.set()
    assert found == {"hangs": "hangs: late", "answers": "here"}


def test_nobody_may_be_asked() -> None:
    assert gather_within(30, {}, late=lambda key: key) == {}


def test_an_error_of_ours_is_not_swallowed() -> None:
    def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gather_within(30, {"one": broken}, late=lambda key: key)
