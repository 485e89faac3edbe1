from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from optimus_ops.change.journal import Journal
from optimus_ops.plan.step import Plan
from optimus_ops.system.atomic_write import atomic_write, leftovers


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, list[str]]]:
    """Return, for each time that the disk was asked for a file, how long that was and which names there were."""
    made: list[tuple[int, list[str]]] = []

    def fsync(descriptor: int) -> None:
        names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
        made.append((os.fstat(descriptor).st_size, names))

    monkeypatch.setattr(os, "fsync", fsync)
    return made


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, synced: list[tuple[int, list[str]]]) -> None:
    atomic_write(tmp_path / "pins", "web=1\n")
    assert synced[0] == (6, [])
    assert (tmp_path / "pins").read_text("utf-8") == "web=1\n"


def test_a_change_is_on_the_disk_before_it_has_a_number(tmp_path: Path, synced: list[tuple[int, list[str]]]) -> None:
    journal = Journal.begin(tmp_path, Plan("shop", "deploy", ()))
    assert synced == [(journal.path.stat().st_size, [])]
    os.close(journal.descriptor)


def test_the_name_is_on_the_disk_before_the_writing_ends(tmp_path: Path, synced: list[tuple[int, list[str]]]) -> None:
    atomic_write(tmp_path / "pins", "web=1\n")
    assert [names for _size, names in synced] == [[], ["pins"]]


def test_neither_a_symbolic_link_nor_another_name_of_the_file_is_written_through(tmp_path: Path) -> None:
    for name in ("linked", "named"):
        (tmp_path / name).write_text("kept", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "linked")
    (tmp_path / "name").hardlink_to(tmp_path / "named")

    atomic_write(tmp_path / "link", "new")
    atomic_write(tmp_path / "name", "new")

    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "linked": "kept",
        "named": "kept",
        "link": "new",
        "name": "new",
    }
    assert not (tmp_path / "link").is_symlink()


def test_a_temporary_file_of_a_dot_file_has_its_name_in_front_so_that_git_ignores_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    monkeypatch.setattr(os, "replace", lambda source, *_, **__: names.append(source))
    for name in (".env.secrets", "pins"):
        atomic_write(tmp_path / name, "x")
        assert [path.name for path in leftovers(tmp_path / name)] == names[-1:]

    assert names[0].startswith(".env.secrets.")
    assert names[1].startswith(".pins.")
    assert ".env.secrets.*" in (Path(__file__).parents[3] / ".gitignore").read_text("utf-8").splitlines()
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_files_of_others_are_no_leftovers(tmp_path: Path) -> None:
    for name in (".env.secrets", ".env.secrets.staging", ".env.secrets.0123456789abcdeg.tmp", ".env.secrets.tmp"):
        (tmp_path / name).write_text("kept", "utf-8")

    assert list(leftovers(tmp_path / ".env.secrets")) == []


def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "pins").write_text("old", "utf-8")
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left") as failed:
        atomic_write(tmp_path / "pins", "new")
    assert failed.value.filename == str(tmp_path / "pins")
    assert [path.name for path in tmp_path.iterdir()] == ["pins"]
    assert (tmp_path / "pins").read_text("utf-8") == "old"
