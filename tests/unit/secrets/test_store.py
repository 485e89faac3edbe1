"""Files that hold secrets."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets import store
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_file_is_written_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    store.write(tmp_path / "key", Secret("value"))
    store.write(tmp_path / "shared", Secret("value"), 0o444)

    assert mode(tmp_path / "key") == 0o600
    assert mode(tmp_path / "shared") == 0o444
    assert (tmp_path / "key").read_text("utf-8") == "value"


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    store.write(tmp_path / "key", Secret("old"), 0o444)
    before = (tmp_path / "key").stat().st_ino
    store.write(tmp_path / "key", Secret("new"), 0o444)

    assert (tmp_path / "key").read_text("utf-8") == "new"
    assert (tmp_path / "key").stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_symbolic_link_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("kept", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(Refused, match="symbolic link"):
        store.read(tmp_path / "link")
    with pytest.raises(Refused, match="symbolic link"):
        store.write(tmp_path / "link", Secret("new"))
    assert (tmp_path / "real").read_text("utf-8") == "kept"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    for name in ("folder", "pipe"):
        with pytest.raises(Refused, match="not a regular file"):
            store.read(tmp_path / name)
        with pytest.raises(Refused, match="not a regular file"):
            store.write(tmp_path / name, Secret("new"))


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"KEY=\xff\n")

    with pytest.raises(Refused, match=r"not UTF-8 text \(byte 4\)"):
        store.read(tmp_path / "key")


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="key can't be written: No such file or directory"):
        store.write(tmp_path / "missing" / "key", Secret("value"))


def test_a_folder_of_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("mine", "utf-8")

    with pytest.raises(Refused, match="holds other files"):
        store.prepare_folder(tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter"]


def test_empty_folders_that_the_engine_made_for_mounts_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "postgres").mkdir(parents=True)

    store.prepare_folder(tmp_path / "secrets")

    assert mode(tmp_path / "secrets") == 0o700


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfKEY=value\n")

    found = store.read(tmp_path / "key")

    assert found is not None
    assert found.content.reveal() == "KEY=value\n"


def test_nothing_is_written_into_a_folder_that_everybody_can_write_into(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    for bits in (0o777, 0o1777, 0o702):
        folder.chmod(bits)
        with pytest.raises(Refused, match=r"everybody can write into the folder .*shared"):
            store.write(folder / "key", Secret("value"))
    assert list(folder.iterdir()) == []


def test_another_name_of_a_file_is_seen_and_keeps_the_old_content(tmp_path: Path) -> None:
    store.write(tmp_path / "key", Secret("old"))
    (tmp_path / "copy").hardlink_to(tmp_path / "key")

    found = store.read(tmp_path / "key")
    store.write(tmp_path / "key", Secret("new"))

    assert found is not None
    assert found.names == 2
    assert (tmp_path / "copy").read_text("utf-8") == "old"


def test_a_huge_file_is_refused_and_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "key").open("wb") as stream:
        stream.truncate(1024**4)

    with pytest.raises(Refused, match="larger than 4 MiB"):
        store.read(tmp_path / "key")


def test_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    store.write(tmp_path / "key", Secret("old"))
    os.chown(tmp_path / "key", 4321, 8765)

    store.write(tmp_path / "key", Secret("new"))

    found = (tmp_path / "key").stat()
    assert (found.st_uid, found.st_gid, mode(tmp_path / "key")) == (4321, 8765, 0o600)
