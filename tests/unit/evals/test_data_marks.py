"""Marks around what a judge is given, and around what a service's model is given, hold the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.prompts import marks
from optimus_ops.evals.data_marks import without_marks

WIDE = "\N{FULLWIDTH LESS-THAN SIGN}"
PIECES = st.sampled_from(["<", "</", WIDE, "data", "DATA", "dat", "a", ">", "\u200d", " ", "/"])


@given(st.lists(PIECES).map("".join) | st.text())
def test_library_and_services_take_the_same_for_a_mark(text: str) -> None:
    assert without_marks(text) == marks.without_marks(text)


def test_words_that_only_begin_like_a_mark_stay() -> None:
    text = "a < b, <dataset>, </database>, <date>, 3 <data_x"

    assert without_marks(text) == text
