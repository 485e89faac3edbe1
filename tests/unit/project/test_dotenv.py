from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.project.dotenv import interpolate, read_dotenv

VARIABLES = {"A": "a", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A-${A}", "a-a"),
        ("${MISSING}", ""),
        ("${MISSING:-x}${EMPTY:-x}${EMPTY-x}", "xx"),
        ("${MISSING:-${A}-${MISSING:-y}}", "a-y"),
        ("${A:+set}${EMPTY:+set}${EMPTY+set}", "setset"),
        ("${A:?must be set}", "a"),
        ("$$A", "$A"),
        ("${A", "a"),
        ("100%$ {", "100%$ {"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert interpolate(text, VARIABLES) == filled


@given(st.text(alphabet="${}AB:-+?x ", max_size=30))
def test_any_text_can_be_filled_in(text: str) -> None:
    assert isinstance(interpolate(text, VARIABLES), str)


def test_a_file_of_variables_is_read_as_compose_does(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(
        b'\xef\xbb\xbfPLAIN=one two  # comment\nexport QUOTED="a # b"\n'
        b"SINGLE='${PLAIN}'\nFROM=${PLAIN}-${SHELL_SAYS}\n"
        b"# COMMENTED=1\nno assignment\nNONE=\n\xff=\xff\n"
    )
    assert read_dotenv(path, {"SHELL_SAYS": "yes"}) == {
        "PLAIN": "one two",
        "QUOTED": "a # b",
        "SINGLE": "${PLAIN}",
        "FROM": "one two-yes",
        "NONE": "",
    }
    assert read_dotenv(tmp_path / "missing", {}) == {}
