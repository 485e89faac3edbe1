"""Undo actions are lost neither before they ran nor when one fails."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.change.undo_stack import UndoFailed, UndoStack
from optimus_ops.errors import OpsError


@given(fails=st.lists(st.integers(0, 2), max_size=8))
def test_every_action_is_carried_out_last_first_until_it_succeeds(fails: list[int]) -> None:
    """Each number says how often an action fails before it succeeds."""
    stack, left, done = UndoStack(), dict(enumerate(fails)), list[int]()

    def undo(number: int) -> None:
        if left[number]:
            left[number] -= 1
            raise OpsError("the engine refused")
        done.append(number)

    for number in range(len(fails)):
        stack.push(f"undid {number}", functools.partial(undo, number))
    for _ in range(max(fails, default=0)):
        with pytest.raises(UndoFailed) as failed:
            stack.unwind()
        assert len(failed.value.failures) == len(fails) - len(done)
    if fails:
        stack.unwind()
    assert sorted(done) == list(range(len(fails)))
    assert not stack


def test_a_failure_stops_no_other_action_and_is_told() -> None:
    stack, done = UndoStack(), list[str]()

    def refuse() -> None:
        raise OpsError("no such container")

    stack.push("started ai-1", lambda: done.append("ai-1"))
    stack.push("started ai-2", refuse)
    stack.push("started ai-3", lambda: done.append("ai-3"))
    with pytest.raises(UndoFailed, match="started ai-2: failed: no such container") as failed:
        stack.unwind()
    assert done == ["ai-3", "ai-1"]
    assert failed.value.undone == ("started ai-3", "started ai-1")


def test_an_interrupted_action_stays_on_the_stack() -> None:
    stack, done = UndoStack(), list[str]()

    def interrupt() -> None:
        if not done:
            done.append("interrupted")
            raise KeyboardInterrupt
        done.append("carried out")

    stack.push("put back", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stack.unwind()
    assert stack.unwind() == ("put back",)
    assert done == ["interrupted", "carried out"]
