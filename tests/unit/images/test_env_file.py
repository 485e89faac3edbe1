from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.images.env_file import BEGIN, END, FORMER, read_block, replace_block, write_block

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = st.dictionaries(
    st.sampled_from(["REDIS_IMAGE", "NGINX_IMAGE", "A", "A_1"]), st.sampled_from(["a/b:1", "x=y", "", "r@sha256:0"])
)
# A few telling lines rather than any characters: order, blanks and missing line ends are what could go wrong.
LINES = st.lists(st.sampled_from(["", "A=1", "# a note", " indented", "REDIS_IMAGE=mine"]), max_size=4).map("\n".join)
MARKED = st.lists(st.sampled_from([BEGIN, END, "A=1", ""]), max_size=6).map("\n".join)
OPERATORS_LINES = st.tuples(LINES, st.sampled_from(["", "\n"])).map("".join)


@given(text=OPERATORS_LINES, variables=VARIABLES)
def test_a_block_reads_back_as_it_was_written(text: str, variables: dict[str, str]) -> None:
    assert read_block(replace_block(text, variables)) == variables


@given(before=OPERATORS_LINES, after=OPERATORS_LINES, old=VARIABLES, new=VARIABLES)
def test_lines_around_a_block_stay(before: str, after: str, old: dict[str, str], new: dict[str, str]) -> None:
    before = f"{before}\n"
    text = replace_block(before, old) + after if old else before + after
    changed = replace_block(text, new)
    if old or not new:
        assert changed.startswith(before)
        assert changed.endswith(after)
    else:
        assert changed.startswith(before + after)


@given(text=MARKED, variables=VARIABLES)
def test_writing_twice_is_writing_once(text: str, variables: dict[str, str]) -> None:
    once = replace_block(text, variables)
    assert replace_block(once, variables) == once


@given(text=OPERATORS_LINES.filter(lambda text: not text or text.endswith("\n")), variables=VARIABLES)
def test_a_block_without_variables_is_removed_without_a_trace(text: str, variables: dict[str, str]) -> None:
    assert replace_block(replace_block(text, variables), {}) == text


def test_a_begin_marker_without_an_end_owns_only_its_own_line() -> None:
    text = f"A=1\n{BEGIN}\nMINE=kept\n"
    assert replace_block(text, {"REDIS_IMAGE": "r"}) == f"A=1\n{BEGIN}\nREDIS_IMAGE=r\n{END}\nMINE=kept\n"


def test_a_block_of_an_earlier_version_is_replaced() -> None:
    former = [*FORMER]
    text = f"A=1\n{former[0]}\nREDIS_IMAGE=old\n{former[1]}\nB=2\n"
    assert read_block(text) == {"REDIS_IMAGE": "old"}
    assert replace_block(text, {"REDIS_IMAGE": "r"}) == f"A=1\n{BEGIN}\nREDIS_IMAGE=r\n{END}\nB=2\n"


def test_the_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o600)
    assert write_block(path, {"B": "2"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_an_unchanged_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert write_block(path, {"B": "2"})
    before = path.stat()
    assert not write_block(path, {"B": "2"})
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_block(path, {"B": "2"})
    assert path.read_text() == "A=1\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_line_ends_and_other_encodings_stay(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\r\nNAME=caf\xe9\r\n")
    write_block(path, {"B": "2"})
    assert path.read_bytes() == b"A=1\r\nNAME=caf\xe9\r\n" + f"{BEGIN}\nB=2\n{END}\n".encode()
