from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.stacks import replica

from optimus_ops.engine.configs import ConfigNotes, changed, digests


def test_what_a_container_was_started_with_is_compared_with_what_is_there(tmp_path: Path) -> None:
    folder, file = tmp_path / "nginx", tmp_path / "tenants.yaml"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d" / "a.conf").write_text("a")
    file.write_text("acme")
    paths = [str(folder), str(file)]
    notes = ConfigNotes(tmp_path / "notes.json")
    notes.write({"ai1": digests(paths)}, ["ai1"])
    assert changed(replica("ai"), digests(paths), notes.read()) == ()
    (folder / "conf.d" / "b.conf").write_text("b")
    assert changed(replica("ai"), digests(paths), notes.read()) == (str(folder),)


def test_a_container_without_a_note_is_judged_by_time(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text("acme")
    now = datetime.now(UTC)
    older, newer = (replica("ai", created_at=now + timedelta(hours=hours)) for hours in (-1, 1))
    assert changed(older, digests([str(file)]), {}) == (str(file),)
    assert changed(newer, digests([str(file)]), {}) == ()


def test_notes_of_containers_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    notes = ConfigNotes(tmp_path / "notes.json")
    notes.write({"a": {"x": "1"}, "b": {"x": "2"}}, ["a", "b"])
    notes.write({"c": {"x": "3"}}, ["b", "c"])
    assert notes.read() == {"b": {"x": "2"}, "c": {"x": "3"}}


def test_a_path_that_is_gone_has_no_digest_and_broken_notes_are_none(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{")
    assert digests([str(tmp_path / "gone")]) == {}
    assert ConfigNotes(tmp_path / "notes.json").read() == {}
