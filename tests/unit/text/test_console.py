from __future__ import annotations

import errno
import io
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.text.console import Console, Progress
from optimus_ops.text.layout import wrapped


def test_a_pipe_gets_a_plain_line_with_the_note_at_the_end() -> None:
    stream = io.StringIO()
    with Console(stream, live=False, colour=False).showing(Progress("start ai=3"), number="[1/2]") as progress:
        progress.note = "ai 3/3"
    assert stream.getvalue().startswith("[1/2] ✓ start ai=3 · ai 3/3 (")
    assert "\033" not in stream.getvalue()


def lines_of_a_long_step(*, groups: bool = False) -> list[str]:
    """Run a step until a pipe was told twice how far it is; return the lines."""
    stream = io.StringIO()
    console = Console(stream, live=False, colour=False, groups=groups, patience=0.001, tick=0.001)
    with console.showing(Progress("start ai=3"), number="[1/2]") as progress:
        progress.note = "ai 1/3"
        while stream.getvalue().count("ai 1/3") < 2:
            time.sleep(0.001)
        progress.note = "ai 3/3"
    return stream.getvalue().splitlines()


def test_a_pipe_is_told_the_title_once_and_then_how_far_it_is() -> None:
    first, *ticks, last = lines_of_a_long_step()
    assert first == "[1/2] … start ai=3"
    assert sum(tick.startswith("  … · ai 1/3 (") for tick in ticks) >= 2
    assert last.startswith("[1/2] ✓ start ai=3 · ai 3/3 (")


def test_actions_fold_what_a_step_says_on_its_way() -> None:
    first, *_, end, last = lines_of_a_long_step(groups=True)
    assert first == "::group::[1/2] … start ai=3"
    assert end == "::endgroup::"
    assert last.startswith("[1/2] ✓ start ai=3 · ai 3/3 (")


class Recorded(threading.Event):
    """An event that comes after some waits, each of which it notes and ends at once."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left, self.seconds = waits, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        self.left -= 1
        return self.left < 0


def test_a_long_step_has_a_line_every_ten_seconds_for_a_minute_and_then_every_minute() -> None:
    stream, finished = io.StringIO(), Recorded(10)
    Console(stream, live=False, colour=False)._report(Progress("wait"), "", finished)
    assert finished.seconds == [1, *[10] * 6, *[60] * 4]
    assert stream.getvalue().count("  … (") == 9


def test_a_detail_that_is_cut_says_so() -> None:
    progress = Progress("wait")
    progress.show("x" * 100)
    assert progress.detail == "x" * 100
    progress.show("x" * 101)
    assert progress.detail == "x" * 99 + "…"


def test_a_detail_is_gone_when_its_step_ends() -> None:
    stream = io.StringIO()
    with Console(stream, live=False, colour=False).step("start ai=3") as progress:
        progress.show("Container ai-3 Created")
    assert "Container" not in stream.getvalue()


class Full(io.StringIO):
    """A stream that takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", text)


def test_a_stream_that_is_full_stops_no_step() -> None:
    reached = []
    with Console(Full(), live=False, colour=False).step("start ai=3"):
        reached.append("work")
    assert reached == ["work"]


@given(st.text(alphabet="ab /,.-", min_size=1, max_size=200).map(str.strip), st.integers(20, 120))
def test_a_long_line_is_broken_between_words(line: str, columns: int) -> None:
    shown = wrapped(line, columns)
    assert shown.split() == line.split()
    longest = max((len(word) for word in line.split()), default=0)
    assert all(len(part) < max(columns, longest + 5) for part in shown.splitlines())


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
