from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimus_ops.change.journal import Journal
from optimus_ops.plan.step import Plan
from optimus_ops.system.atomic_write import atomic_write


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
    assert synced == [(6, [])]
    assert (tmp_path / "pins").read_text("utf-8") == "web=1\n"


def test_a_change_is_on_the_disk_before_it_has_a_number(tmp_path: Path, synced: list[tuple[int, list[str]]]) -> None:
    journal = Journal.begin(tmp_path, Plan("shop", "deploy", ()))
    assert synced == [(journal.path.stat().st_size, [])]
    os.close(journal.descriptor)
