"""A backup says what it is, and whether it still is that."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from optimus_ops.errors import Refused
from optimus_ops.redis.manifest import (
    NAME,
    Manifest,
    StoredFile,
    check_files,
    parse_manifest,
    read_manifest,
    sha256_of,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "aof").mkdir()
    (tmp_path / "dump.rdb").write_bytes(b"snapshot")
    (tmp_path / "aof" / "a.manifest").write_bytes(b"file a.1.base.rdb seq 1 type b\n")
    write_manifest(tmp_path, manifest_of(tmp_path))
    return tmp_path


def manifest_of(folder: Path, **changes: Any) -> Manifest:
    paths = ["dump.rdb", "aof/a.manifest"]
    facts: dict[str, Any] = {
        "made_at": "2026-01-31T12:00:00+00:00",
        "project": "shop",
        "server": "redis",
        "redis_version": "8.0.2",
        "keys": 3,
        "expiring": 1,
        "snapshot": "dump.rdb",
        "aof": "aof/a.manifest",
        "files": tuple(StoredFile(one, (folder / one).stat().st_size, sha256_of(folder / one)) for one in paths),
    }
    return Manifest(**{**facts, **changes})


def test_what_is_written_is_what_is_read(folder: Path) -> None:
    assert read_manifest(folder) == manifest_of(folder)
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    check_files(folder, read_manifest(folder))


@pytest.mark.parametrize("content", [b"snapshoT", b"snapshot longer", b""])
def test_a_file_that_was_changed_is_refused(folder: Path, content: bytes) -> None:
    (folder / "dump.rdb").write_bytes(content)
    with pytest.raises(Refused, match=r"dump\.rdb"):
        check_files(folder, read_manifest(folder))


def test_a_file_that_is_missing_or_a_link_is_refused(folder: Path) -> None:
    kept = (folder / "dump.rdb").rename(folder / "elsewhere")
    with pytest.raises(Refused, match="missing"):
        check_files(folder, read_manifest(folder))
    (folder / "dump.rdb").symlink_to(kept)
    with pytest.raises(Refused, match="missing"):
        check_files(folder, read_manifest(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"keys": "many"},
        {"files": []},
        {"snapshot": "other.rdb"},
        {"files": [{"path": "../dump.rdb", "bytes": 1, "sha256": ""}], "snapshot": "../dump.rdb", "aof": ""},
        {"files": [{"path": "/dump.rdb", "bytes": 1, "sha256": ""}], "snapshot": "/dump.rdb", "aof": ""},
        {"files": [{"path": NAME, "bytes": 1, "sha256": ""}], "snapshot": NAME, "aof": ""},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    document = {**json.loads((folder / NAME).read_text()), **changes}
    with pytest.raises(Refused):
        parse_manifest(json.dumps(document), NAME)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"x"', "{"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_manifest(text, NAME)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=NAME):
        read_manifest(tmp_path)
