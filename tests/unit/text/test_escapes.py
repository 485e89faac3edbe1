from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.text.escapes import safe_to_show


@given(st.text(st.characters(exclude_characters="\n"), max_size=60), st.booleans())
def test_nothing_steers_the_terminal(text: str, colour: bool) -> None:
    kept = safe_to_show(text, colour=colour)

    controls = [sign for sign in kept if (ord(sign) < 32 and sign != "\t") or 127 <= ord(sign) < 160]
    assert set(controls) <= ({"\x1b"} if colour else set())


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;title\x07", "\x1b[1A", "\r", "\x1b(0", "\x9b2J", "\x1b[?25l"])
def test_cursor_movements_and_titles_are_taken_out(evil: str) -> None:
    assert safe_to_show(f"be{evil}fore", colour=True) == "before"


def test_colours_stay_where_they_are_welcome_and_end_with_the_line() -> None:
    assert safe_to_show("\x1b[31mred", colour=True) == "\x1b[31mred\x1b[0m"
    assert safe_to_show("\x1b[31mred", colour=False) == "red"
