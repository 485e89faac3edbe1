"""The reader and writer of `.env.secrets`."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optimus_ops.errors import Refused
from optimus_ops.secrets.dotenv import Document, parse
from optimus_ops.secrets.value import Secret

KEYS = st.from_regex(re.compile(r"[A-Z][A-Z0-9_]{0,20}"), fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
ASCII = st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=20)
VALUES = st.one_of(TEXT, ASCII)
CANARY = "canary-5e1f"


def holds(value: str) -> bool:
    """Whether some notation holds the value."""
    try:
        Document().with_value("KEY", Secret(value))
    except Refused:
        return False
    return True


def python_dotenv_reads(written: str) -> str:
    """Read a value as python-dotenv does without interpolation (its documented quoting rules)."""
    if written.startswith("'"):
        return re.sub(r"\\([\\'])", r"\1", written[1:-1])
    if written.startswith('"'):
        return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), written[1:-1])
    return re.sub(r"\s+#.*", "", written).rstrip()


def compose_reads(written: str) -> str:
    """Read a value as Docker Compose does: single quotes are literal, everything else is interpolated."""
    if written.startswith("'"):
        assert "'" not in written[1:-1]
        return written[1:-1]
    assert "$" not in written
    if written.startswith('"'):
        assert "\\" not in written
        return written[1:-1]
    return re.sub(r"\s+#.*", "", written).rstrip()


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_written_is_read_back(values: dict[str, str]) -> None:
    values = {key: value for key, value in values.items() if holds(value)}
    document = Document()
    for key, value in values.items():
        document = document.with_value(key, Secret(value), ("what it is for",))

    read = parse(document.render().reveal(), ".env.secrets")

    assert {key: value.reveal() for key, value in read.values.items()} == values


@given(VALUES)
def test_other_readers_read_the_same(value: str) -> None:
    assume(holds(value))
    written = Document().with_value("KEY", Secret(value)).render().reveal().removeprefix("KEY=").removesuffix("\n")

    assert python_dotenv_reads(written) == value
    assert compose_reads(written) == value


@given(ASCII)
def test_a_value_that_our_reader_takes_is_read_alike_by_others(written: str) -> None:
    try:
        ours = parse(f"KEY={written}\n", ".env.secrets").values["KEY"].reveal()
    except Refused:
        return
    assert python_dotenv_reads(written.strip()) == ours
    assert compose_reads(written.strip()) == ours


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_an_unchanged_document_is_written_as_it_was(text: str) -> None:
    try:
        document = parse(text, ".env.secrets")
    except Refused:
        return
    assert document.render().reveal().removesuffix("\n") == text.removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"GOOD=1\n{CANARY}\n", 2),
        (f"KEY ={CANARY}\n", 1),
        (f"key={CANARY}\n", 1),
        (f"export KEY={CANARY}\n", 1),
        (f"\n\nKEY={CANARY} # mine\n", 3),
        (f"KEY={CANARY} two\n", 1),
        (f"KEY='{CANARY}\n", 1),
        (f"KEY={CANARY}$HOME\n", 1),
        (f"KEY='{CANARY}'s'\n", 1),
        (f"KEY='{CANARY}\\\\'\n", 1),
        (f'KEY="{CANARY}$x"\n', 1),
        (f"KEY={CANARY}\x07\n", 1),
        (f"\ufeffKEY={CANARY}\n", 1),
        (f"KEY=1\n# again\nKEY={CANARY}\n", 3),
    ],
)
def test_what_could_be_misread_is_refused_with_its_line_and_without_its_content(text: str, line: int) -> None:
    with pytest.raises(Refused) as refused:
        parse(text, ".env.secrets")

    assert f".env.secrets, line {line}:" in str(refused.value)
    assert CANARY not in str(refused.value)


def test_a_new_value_stands_in_the_place_of_the_old_one_and_all_else_stays() -> None:
    document = parse("# mine\nA='x y'\n\nB=\n# end\n", ".env.secrets").with_value("B", Secret("new"))

    assert document.render().reveal() == "# mine\nA='x y'\n\nB=new\n# end\n"


def test_a_new_key_stands_at_the_end_under_its_description() -> None:
    document = parse("A=1", ".env.secrets").with_value("B", Secret("two words"), ("What B is.",))

    assert document.render().reveal() == "A=1\n\n# What B is.\nB='two words'\n"


def test_a_file_with_windows_line_ends_is_read() -> None:
    assert parse("A=1\r\nB='2'\r\n", ".env.secrets").values == {"A": Secret("1"), "B": Secret("2")}


def test_a_value_that_no_notation_holds_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="KEY") as refused:
        Document().with_value("KEY", Secret(f"{CANARY}'\"$ "))

    assert CANARY not in str(refused.value)
