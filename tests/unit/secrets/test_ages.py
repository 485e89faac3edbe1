"""Ages of secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimus_ops.secrets.ages import AgeBook, Origin
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret

FILE = ".env.secrets"
DAY = 86_400


def written(at: float) -> StoredFile:
    return StoredFile(Secret(""), 0o600, written=at)


def note(book: AgeBook, at: float, changed: dict[str, Origin] | None = None, **values: str) -> dict[str, object]:
    ages = book.note(FILE, written(at), {key: Secret(value) for key, value in values.items()}, changed or {})
    return {key: (age.since, age.origin) for key, age in ages.items()}


def test_a_value_keeps_its_age_while_others_change(tmp_path: Path) -> None:
    book = AgeBook(tmp_path)

    assert note(book, 10, {"A": "generated"}, A="1", B="2") == {"A": (10, "generated"), "B": (10, "edited")}
    assert note(book, 20, {"B": "set"}, A="1", B="3") == {"A": (10, "generated"), "B": (20, "set")}
    assert note(book, 30, None, A="new", B="3") == {"A": (30, "edited"), "B": (20, "set")}


def test_an_empty_value_has_no_age(tmp_path: Path) -> None:
    assert note(AgeBook(tmp_path), 10, None, A="") == {}


def test_looking_writes_nothing_and_sees_what_was_edited(tmp_path: Path) -> None:
    book = AgeBook(tmp_path)
    assert book.current(FILE, written(5), {"A": Secret("1")})["A"].since == 5
    assert list(tmp_path.iterdir()) == []
    note(book, 10, {"A": "set"}, A="1", B="2")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    ages = book.current(FILE, written(40), {"A": Secret("1"), "B": Secret("edited")})

    assert {key: (age.since, age.origin) for key, age in ages.items()} == {"A": (10, "set"), "B": (40, "edited")}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_files_have_ages_of_their_own(tmp_path: Path) -> None:
    book = AgeBook(tmp_path)
    note(book, 10, None, A="1")
    book.note(".env.secrets.staging", written(20), {"A": Secret("1")}, {})

    assert book.current(FILE, written(30), {"A": Secret("1")})["A"].since == 10


def test_no_value_and_no_plain_digest_is_kept_and_others_can_not_read_it(tmp_path: Path) -> None:
    note(AgeBook(tmp_path), 10, None, A="canary", B="canary")
    other = tmp_path / "other"
    note(AgeBook(other), 10, None, A="canary")

    kept = json.loads((tmp_path / "secret-ages.json").read_text("utf-8"))["files"][FILE]
    elsewhere = json.loads((other / "secret-ages.json").read_text("utf-8"))["files"][FILE]

    assert "canary" not in (tmp_path / "secret-ages.json").read_text("utf-8")
    # Equal values look different under another key of the file, and with the key of another checkout.
    assert len({kept["A"]["fingerprint"], kept["B"]["fingerprint"], elsewhere["A"]["fingerprint"]}) == 3
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir() if path.is_file()} == {0}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "key": "x", "files": 3}', "\x00"]
)
def test_a_damaged_book_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    book = AgeBook(tmp_path)
    note(book, 10, None, A="1")
    (tmp_path / "secret-ages.json").write_text(content, "utf-8")

    assert note(book, 20, None, A="1") == {"A": (20, "edited")}


def test_a_damaged_record_costs_its_own_age_only(tmp_path: Path) -> None:
    book = AgeBook(tmp_path)
    note(book, 10, None, A="1", B="2")
    document = json.loads((tmp_path / "secret-ages.json").read_text("utf-8"))
    document["files"][FILE]["A"]["since"] = "yesterday"
    (tmp_path / "secret-ages.json").write_text(json.dumps(document), "utf-8")

    assert note(book, 20, None, A="1", B="2") == {"A": (20, "edited"), "B": (10, "edited")}


def test_a_clock_that_was_set_back_makes_nothing_younger_than_new(tmp_path: Path) -> None:
    age = AgeBook(tmp_path).note(FILE, written(10 * DAY), {"A": Secret("1")}, {})["A"]

    assert (age.days(9 * DAY), age.days(12.5 * DAY)) == (0, 2.5)
