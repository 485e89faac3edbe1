"""The reader and writer of `.env.secrets`."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
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
EVERY_NOTATION = (
    "",
    "plain",
    "two words",
    "pa$1wor$D",
    "a#b #c",
    "it's",
    'say "hi"',
    "it's $5",
    "`it's`",
    "both ' and \"",
    "back\\slash",
    "two \\\\ of them",
    "' and \\\\",
    "ends in \\",
    "schlüssel-密钥-🔑",
    "first\nsecond\n",
    "-----BEGIN PRIVATE KEY-----\nMIIB/+Z==\nQUJD=\n-----END PRIVATE KEY-----",
    '{"client_email": "a@b", "private_key": "x\\ny"}',
    "tab\there",
    " edges ",
    "\u2028\u00a0",
)


def hostile_values(count: int) -> list[str]:
    """Return made-up values of what readers treat in ways of their own, the same in every run."""
    pieces = [*"'\"\\$#`= \t\n:{}%!", "\\n", "\\$", "$$", "${A}", "$(x)", " #", "a", "Z", "0", "é", "密"]
    source = random.Random(12)
    return ["".join(source.choices(pieces, k=source.randint(1, 6))) for _ in range(count)]


def compose_reads(text: str, folder: Path) -> dict[str, str]:
    """Return the variables that Docker Compose reads from a file; only its client is needed."""
    if shutil.which("docker") is None and "CI" not in os.environ:
        pytest.skip("there is no `docker` on this machine: Compose's reading is not compared")
    (folder / "values.env").write_text(text, "utf-8")
    model = folder / "compose.yml"
    model.write_text("name: values\nservices: {web: {image: web, env_file: [values.env]}}\n", "utf-8")
    command = ["docker", "compose", "--file", str(model), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    environment = json.loads(done.stdout)["services"]["web"]["environment"]
    # What is printed is a Compose file again, in which a `$` is doubled.
    return {key: value.replace("$$", "$") for key, value in environment.items()}


def holds(value: str) -> bool:
    """Whether some notation holds the value."""
    try:
        Document().with_value("KEY", Secret(value))
    except Refused:
        return False
    return True


def python_dotenv_reads(text: str) -> dict[str, str | None]:
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_written_is_read_back(values: dict[str, str]) -> None:
    values = {key: value for key, value in values.items() if holds(value)}
    document = Document()
    for key, value in values.items():
        document = document.with_value(key, Secret(value), ("what it is for",))

    read = parse(document.render().reveal(), ".env.secrets")

    assert {key: value.reveal() for key, value in read.values.items()} == values


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5), VALUES, st.data())
def test_an_edit_changes_its_own_line_and_keeps_comments_and_order(
    values: dict[str, str], new: str, data: st.DataObject
) -> None:
    document = Document()
    for key, value in values.items():
        document = document.with_value(key, Secret(value if holds(value) else ""), ("what it is for",))
    before = parse(document.render().reveal(), ".env.secrets")
    edited = data.draw(st.sampled_from(sorted(values)))
    assume(holds(new))

    after = parse(before.with_value(edited, Secret(new)).render().reveal(), ".env.secrets")

    assert after.values[edited].reveal() == new
    assert list(after.values) == list(before.values)
    assert [line.text for line in after.lines if line.key != edited] == [
        line.text for line in before.lines if line.key != edited
    ]


@given(VALUES)
def test_python_dotenv_reads_what_is_written(value: str) -> None:
    assume(holds(value))

    assert python_dotenv_reads(Document().with_value("KEY", Secret(value)).render().reveal()) == {"KEY": value}


@given(ASCII)
def test_python_dotenv_reads_alike_what_our_reader_takes(written: str) -> None:
    try:
        ours = parse(f"KEY={written}\n", ".env.secrets").values["KEY"].reveal()
    except Refused:
        return
    assert python_dotenv_reads(f"KEY={written}\n") == {"KEY": ours}


def test_compose_reads_the_same_values(tmp_path: Path) -> None:
    values = [*EVERY_NOTATION, *hostile_values(300)]
    document = Document()
    for number, value in enumerate(values):
        if holds(value):
            document = document.with_value(f"KEY_{number}", Secret(value))

    assert compose_reads(document.render().reveal(), tmp_path) == {
        key: value.reveal() for key, value in document.values.items()
    }
    assert len(document.values) > len(values) * 0.8


def test_compose_reads_alike_what_our_reader_takes(tmp_path: Path) -> None:
    """Notations as a person may have written them: what we take, Compose must read the same."""
    written: dict[str, str] = {}
    for number, value in enumerate(hostile_values(4000)):
        for quote in ("", "'", '"'):
            line = f"KEY_{number}={quote}{value}{quote}\n"
            try:
                written[line] = parse(line, ".env.secrets").values[f"KEY_{number}"].reveal()
            except Refused:
                continue
            break
    ours = {line.partition("=")[0]: value for line, value in written.items()}

    assert compose_reads("".join(written), tmp_path) == ours
    assert len(ours) > 500


def test_values_that_people_have_are_written_and_not_refused() -> None:
    assert all(holds(value) for value in EVERY_NOTATION)


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
        (f"A='1\n2'\nKEY='{CANARY}\n", 3),
        (f"KEY='{CANARY}\nOTHER={CANARY}'\n", 1),
        (f"KEY='{CANARY}\x00'\n", 1),
        (f"KEY='{CANARY}\r'\n", 1),
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


def test_a_value_of_several_lines_is_read_whole_and_what_follows_keeps_its_number() -> None:
    document = parse("# mine\nA='one\n\n# two'\r\nB=2\n", ".env.secrets")

    assert document.values == {"A": Secret("one\n\n# two"), "B": Secret("2")}
    assert document.line_numbers == {"A": 2, "B": 5}
    assert document.with_value("A", Secret("1")).render().reveal() == "# mine\nA=1\nB=2\n"


def test_windows_line_ends_within_a_value_are_read_as_others_read_them() -> None:
    text = "A='one\r\ntwo'\r\n"

    assert parse(text, ".env.secrets").values["A"].reveal() == "one\ntwo"
    assert dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False) == {"A": "one\ntwo"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "A=1\n\nA=2\n",
            "line 3: A is defined twice (first in line 1)\n  keep the one that is meant and delete the other",
        ),
        (
            "a=1\n",
            "line 1: malformed name\n  a name is capital letters, digits and '_', with '=' right after it",
        ),
        (
            "A\n",
            "line 1: expected KEY=value\n  comments stand on lines of their own, a long value in quotes",
        ),
        ("A='\n", "line 1: the quote is not closed\n  close it, or quote the value the other way"),
    ],
)
def test_a_refusal_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text, ".env.secrets")
    assert str(refused.value) == f".env.secrets, {message}"


def test_a_new_value_can_be_asked_for_at_once() -> None:
    document = Document().with_value("A", Secret("x y"))
    assert document.values == {"A": Secret("x y")}
    assert document.with_value("A", Secret("z")).render().reveal() == "A=z\n"


def test_export_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match=r"line 1: .*\n.*delete `export`"):
        parse("export KEY=1\n", ".env.secrets")


def test_a_value_that_no_notation_holds_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="KEY") as refused:
        Document().with_value("KEY", Secret(f"{CANARY}'$\\\\"))

    assert CANARY not in str(refused.value)
