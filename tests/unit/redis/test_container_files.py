"""Files that go through the engine: as they were, private, and never over another one."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redis.test_backup_plans import container

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.redis.container_files import copy_out, tar_writer

NAMES = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True)


class Reading:
    """An engine whose containers print chunks."""

    def __init__(self, chunks: Sequence[bytes], code: int = 0) -> None:
        self.chunks = chunks
        self.code = code

    def exec_to(
        self, _container: str, _command: Sequence[str], write: Callable[[bytes], object], **_options: float
    ) -> int:
        for chunk in self.chunks:
            write(chunk)
        return self.code


def reading(*chunks: bytes, code: int = 0) -> Engine:
    return cast("Engine", Reading(chunks, code))


@given(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=5))
def test_an_archive_holds_its_files_and_nothing_else(files: dict[str, bytes]) -> None:
    stream = io.BytesIO()
    tar_writer(files)(stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        members = archive.getmembers()
        assert {member.name: archive.extractfile(member).read() for member in members} == files  # type: ignore[union-attr]
        assert {stat.S_IMODE(member.mode) for member in members} <= {0o600}


def test_a_copy_is_private_and_comes_with_its_checksum(tmp_path: Path) -> None:
    seen: list[int] = []
    copied = copy_out(reading(b"snap", b"shot"), container("redis"), "/data/x", tmp_path / "x", note=seen.append)
    assert copied == (8, hashlib.sha256(b"snapshot").hexdigest())
    assert seen == [4, 8]
    assert (tmp_path / "x").read_bytes() == b"snapshot"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_a_file_that_can_not_be_read_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="exit code 1"):
        copy_out(reading(code=1), container("redis"), "/data/x", tmp_path / "x", note=lambda _count: None)


@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_written_over(tmp_path: Path, link: bool) -> None:
    (tmp_path / "old").write_text("kept")
    (tmp_path / "x").symlink_to(tmp_path / "old") if link else (tmp_path / "x").write_text("kept")
    with pytest.raises(FileExistsError):
        copy_out(reading(b"new"), container("redis"), "/data/x", tmp_path / "x", note=lambda _count: None)
    assert (tmp_path / "x").read_text() == "kept"
