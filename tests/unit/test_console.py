from __future__ import annotations

import io
import time

import pytest

from optimus_ops.console import Console


def test_a_pipe_gets_a_plain_line_with_the_note_at_the_end() -> None:
    stream = io.StringIO()
    with Console(stream, live=False, colour=False).step("start ai=3", number="[1/2]") as progress:
        progress.note = "ai 3/3"
    assert stream.getvalue().startswith("[1/2] ✓ start ai=3 · ai 3/3 (")
    assert "\033" not in stream.getvalue()


def test_a_pipe_is_told_each_second_what_is_waited_for() -> None:
    stream = io.StringIO()
    with Console(stream, live=False, colour=False).step("start ai=3") as progress:
        progress.note = "ai 1/3"
        time.sleep(1.3)
    assert "… start ai=3 · ai 1/3" in stream.getvalue()


def test_a_failed_step_is_marked() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), Console(stream, live=False, colour=False).step("build"):
        raise ValueError("no")
    assert stream.getvalue().startswith("✗ build")


def test_colours_only_where_they_are_welcome() -> None:
    assert Console(io.StringIO(), live=True, colour=False).paint("x", "32") == "x"
    assert Console(io.StringIO(), live=True, colour=True).paint("x", "32") == "\033[32mx\033[0m"


def test_a_moment_s_wait_leaves_no_trace() -> None:
    stream = io.StringIO()
    with Console(stream, live=False, colour=False).waiting("looking"):
        pass
    assert stream.getvalue() == ""
