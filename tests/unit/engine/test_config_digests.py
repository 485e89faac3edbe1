"""What a container was made from, and what of it is another one by now."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.stacks import replica

from optimus_ops.engine.config_digests import InputRecords, ServiceInputs
from optimus_ops.model.container_inputs import ChangedInput, ContainerInput


@pytest.fixture
def notes(tmp_path: Path) -> InputRecords:
    return InputRecords(tmp_path / "configs" / "shop.json", tmp_path / "configs" / "shop.key")


def giving(*given: ContainerInput, **values: str) -> ServiceInputs:
    return ServiceInputs(given, Path("/nowhere/secrets"), values)


def changed(notes: InputRecords, then: ServiceInputs, now: ServiceInputs) -> tuple[ChangedInput, ...]:
    notes.write({"ai1": then.digests(notes.key())}, ["ai1"])
    return now.changed_since(notes.read()["ai1"], now.digests(notes.key()))


def test_a_file_that_changed_is_named(notes: InputRecords, tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text("acme")
    here = giving(ContainerInput("configuration", "tenants.yaml", path=str(file)))
    notes.write({"ai1": here.digests(notes.key())}, ["ai1"])
    assert here.changed_since(notes.read()["ai1"], here.digests(notes.key())) == ()
    file.write_text("globex")
    found = here.changed_since(notes.read()["ai1"], here.digests(notes.key()))
    assert found == (ChangedInput("configuration", "tenants.yaml"),)


@pytest.mark.parametrize(
    ("then", "now", "what"),
    [
        (
            giving(ContainerInput("configuration", "c", content="1")),
            giving(ContainerInput("configuration", "c", content="2")),
            ChangedInput("configuration", "c"),
        ),
        (
            giving(ContainerInput("secret", "token", variable="T"), T="1"),
            giving(ContainerInput("secret", "token", variable="T"), T="2"),
            ChangedInput("secret", "token"),
        ),
        (giving(), giving(ContainerInput("secret", "token", content="1")), ChangedInput("secret", "token")),
        (giving(ContainerInput("secret", "token", content="1")), giving(), ChangedInput("secret", "token")),
        (
            giving(ContainerInput("configuration", "x", path="/etc/gone.yaml")),
            giving(),
            ChangedInput("configuration", "gone.yaml"),
        ),
    ],
)
def test_what_has_another_content_comes_or_goes_is_named(
    notes: InputRecords, then: ServiceInputs, now: ServiceInputs, what: ChangedInput
) -> None:
    assert changed(notes, then, now) == (what,)
    assert changed(notes, now, now) == ()


def test_a_container_that_nobody_noted_is_judged_by_when_its_files_were_written(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.touch()
    os.utime(file, (datetime.now(UTC).timestamp(),) * 2)
    here = giving(ContainerInput("configuration", "tenants.yaml", path=str(file)))
    older, newer = (replica("ai", created_at=datetime.now(UTC) + timedelta(hours=hours)) for hours in (-1, 1))
    assert here.changed_in(older, lambda _id, _path: None) == (ChangedInput("configuration", "tenants.yaml"),)
    assert here.changed_in(newer, lambda _id, _path: None) == ()


def test_what_was_copied_into_a_container_is_looked_at_there() -> None:
    here = giving(
        ContainerInput("configuration", "c", content="new", target="/etc/c"),
        ContainerInput("secret", "token", variable="T", target="/run/secrets/token"),
        ContainerInput("secret", "elsewhere", content="x", target="/not/there"),
        T="same",
    )
    inside = {"/etc/c": b"old", "/run/secrets/token": b"same"}
    found = here.changed_in(replica("ai"), lambda _id, path: inside.get(path))
    assert found == (ChangedInput("configuration", "c"),)


def test_notes_of_containers_that_are_gone_are_forgotten(notes: InputRecords) -> None:
    notes.write({"a": {"x": "1"}, "b": {"x": "2"}}, ["a", "b"])
    notes.write({"c": {"x": "3"}}, ["b", "c"])
    assert notes.read() == {"b": {"x": "2"}, "c": {"x": "3"}}


def test_notes_that_were_made_with_another_key_say_nothing(notes: InputRecords) -> None:
    notes.write({"a": {"x": "1"}}, ["a"])
    notes.key_path.unlink()
    assert notes.read() == {}
    notes.key()
    assert notes.read() == {}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"a": {"/etc/x": "1"}}', '{"containers": [1]}'])
def test_broken_notes_and_those_of_an_older_form_are_none(notes: InputRecords, text: str) -> None:
    notes.key()
    notes.path.write_text(text)
    assert notes.read() == {}


def test_no_content_and_no_plain_digest_of_it_is_written_down(notes: InputRecords) -> None:
    here = giving(ContainerInput("secret", "pin", content="1234"))
    notes.write({"ai1": here.digests(notes.key())}, ["ai1"])
    text = notes.path.read_text("utf-8")
    assert "1234" not in text
    assert set(json.loads(text)["containers"]["ai1"]) == {"secret pin"}
    assert notes.path.stat().st_mode & 0o777 == 0o600
