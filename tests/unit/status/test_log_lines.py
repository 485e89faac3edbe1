"""From what containers write to lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.errors import Refused
from optimus_ops.status.log_lines import Assembler, LogLine, Prefixer, in_order
from optimus_ops.status.logs import parse_tail

STAMP = "2026-11-22T16:52:06.300000000Z"
TEXTS = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(TEXTS.filter(bool), max_size=6), st.lists(st.integers(1, 9), min_size=1))
def test_lines_survive_being_cut_anywhere(texts: list[str], cuts: list[int]) -> None:
    data = "".join(f"{text}\n" for text in texts).encode()
    assembler = Assembler("r")
    lines: list[LogLine] = []
    position = 0
    while position < len(data):
        step = cuts[position % len(cuts)]
        lines += assembler.feed(data[position : position + step])
        position += step
    lines += assembler.finish()

    assert [line.text for line in lines] == texts


def test_the_engine_s_time_is_taken_off_each_piece_of_a_long_line() -> None:
    assembler = Assembler("r")

    assert assembler.feed(f"{STAMP} begin, ".encode()) == []
    assert assembler.feed(f"{STAMP} end\n".encode()) == [LogLine("r", STAMP, "begin, end")]


def test_a_last_line_without_an_end_is_not_lost() -> None:
    assembler = Assembler("r")
    assembler.feed(f"{STAMP} dying words".encode())

    assert assembler.finish() == [LogLine("r", STAMP, "dying words")]
    assert assembler.finish() == []


def test_names_stand_before_lines_in_a_column_and_in_a_colour_each() -> None:
    plain, painted = Prefixer("shop", colour=False), Prefixer("shop", colour=True)
    for prefixer in (plain, painted):
        prefixer.add("shop-ai-1")
        prefixer.add("shop-redis-1")

    assert plain.show(LogLine("shop-ai-1", "", "hello")) == "ai-1    | hello"
    first, second = (painted.show(LogLine(name, "", "x")) for name in ("shop-ai-1", "shop-redis-1"))
    assert first.partition("m")[0] != second.partition("m")[0]


def test_lines_of_several_replicas_are_shown_in_the_order_of_time() -> None:
    lines = [LogLine("a", "3", "c"), LogLine("a", "1", "a"), LogLine("b", "2", "b")]

    assert [line.text for line in in_order(lines)] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["x", "-1", "", "1.5", "٣", "9999999999"])
def test_a_tail_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="--tail"):
        parse_tail(text)


def test_tails() -> None:
    assert (parse_tail("0"), parse_tail("12"), parse_tail("all")) == (0, 12, "all")
