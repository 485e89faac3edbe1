"""Versions of files of secrets: one before each change, listed and compared without a value."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.secrets.samples import CANARY, Checkout, change, state_of

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import commands, key_commands, provision, store, version_commands
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.snapshot import parse_snapshot
from optimus_ops.secrets.value import Secret

KEY = "OPENAI_API_KEYS"


@pytest.fixture
def set_values(checkout: Checkout, given: Callable[[bytes], None]) -> Callable[[Sequence[str]], None]:
    """Return what sets a key to one value after the other."""

    def set_all(values: Sequence[str]) -> None:
        for value in values:
            given(f"{value}\n".encode())
            change(checkout, KEY)

    return set_all


SetValues = Callable[[Sequence[str]], None]


def folder(checkout: Checkout) -> Path:
    return checkout.root / ".optimus" / "secret-versions"


def listed(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    version_commands.show_versions(json=True, root=checkout.root)
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["versions"]
    return found


def test_each_change_keeps_what_the_file_was_before(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str]
) -> None:
    original = checkout.secrets_file.read_text("utf-8")
    set_values(["sk-a", "sk-b"])

    newest, oldest = listed(checkout, capsys)

    assert (newest["version"], newest["task"], newest["changes"]) == (2, "secrets.set", {KEY: "changed"})
    assert (oldest["version"], oldest["changes"]) == (1, {KEY: "added"})
    kept = (folder(checkout) / ".env.secrets.000001").read_text("utf-8")
    assert parse_snapshot(Secret(kept), "it").content.reveal() == original


def test_versions_are_private_and_the_last_ten(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str]
) -> None:
    set_values([f"sk-{number}" for number in range(13)])

    assert [version["version"] for version in listed(checkout, capsys)] == list(range(13, 3, -1))
    assert stat.S_IMODE(folder(checkout).stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder(checkout).iterdir()} == {0o600}


def test_a_list_shows_names_and_never_values(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str]
) -> None:
    set_values([f"sk-{CANARY}", "sk-b"])
    for as_json in (False, True):
        version_commands.show_versions(json=as_json, root=checkout.root)
    shown = capsys.readouterr().out

    assert f"~{KEY}" in shown
    assert CANARY not in shown


def test_generated_values_are_a_change_as_well(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    text = checkout.secrets_file.read_text("utf-8")
    lines = ["REDIS_PASSWORD=" if line.startswith("REDIS_PASSWORD=") else line for line in text.splitlines()]
    checkout.write_secrets("\n".join(lines) + "\n")
    commands.init(ChangeOptions(), checkout.root)

    (version,) = listed(checkout, capsys)
    assert (version["task"], version["changes"]) == ("secrets.init", {"REDIS_PASSWORD": "added"})


def test_an_environment_has_versions_of_its_own(
    checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    commands.init(ChangeOptions(), checkout.root, "staging")
    given(b"sk-s\n")
    from optimus_ops.secrets import set_command  # noqa: PLC0415 - only here

    set_command.change_value(KEY, ChangeOptions(), environment="staging", root=checkout.root)
    assert listed(checkout, capsys) == []

    key_commands.show_diff("staging@1", "staging", json=True, root=checkout.root)
    assert json.loads(capsys.readouterr().out)["only_in_b"] == [KEY]


def test_versions_are_compared_with_each_other_and_with_files(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str]
) -> None:
    set_values(["sk-a", "sk-b"])
    capsys.readouterr()

    found = {}
    for a, b in (("@1", "@2"), ("@latest", ".env.secrets")):
        key_commands.show_diff(a, str(checkout.root / b) if b[0] == "." else b, json=True, root=checkout.root)
        found[a] = json.loads(capsys.readouterr().out)

    assert (found["@1"]["only_in_b"], found["@1"]["different"]) == ([KEY], [])
    assert found["@latest"]["different"] == [KEY]


@pytest.mark.parametrize(("word", "message"), [("@9", "no version @9 of .env.secrets"), ("@0", "neither a file @0")])
def test_a_version_that_is_not_there_is_refused(
    checkout: Checkout, set_values: SetValues, word: str, message: str
) -> None:
    set_values(["sk-a"])
    with pytest.raises(Refused, match=message):
        key_commands.show_diff(word, "@latest", json=False, root=checkout.root)
    with pytest.raises(Refused, match="are the same"):
        key_commands.show_diff("@1", "@latest", json=False, root=checkout.root)


def test_without_any_change_there_is_no_version(checkout: Checkout) -> None:
    with pytest.raises(Refused, match="no version of"):
        key_commands.show_diff("@latest", ".env.secrets", json=False, root=checkout.root)


@pytest.mark.parametrize("damage", ["truncated", "changed", "link", "other"])
def test_a_damaged_version_is_named_and_never_used(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    set_values(["sk-a"])
    path = folder(checkout) / ".env.secrets.000001"
    text = path.read_text("utf-8")
    if damage == "link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
    else:
        path.write_text({"truncated": text[:-3], "changed": text.replace("REDIS", "REDOS"), "other": "x"}[damage])

    assert listed(checkout, capsys) == [{"version": 1, "damaged": True}]
    with pytest.raises(Refused):
        key_commands.show_diff("@1", ".env.secrets", json=False, root=checkout.root)


def test_a_change_that_is_undone_leaves_no_version(
    checkout: Checkout, set_values: SetValues, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_values(["sk-a"])
    before = state_of(checkout)

    def fails(*_: object) -> None:
        monkeypatch.undo()
        raise OpsError("the disk is full")

    monkeypatch.setattr(provision, "deliver", fails)
    with pytest.raises(OpsError, match="the disk is full"):
        set_values(["sk-b"])

    assert state_of(checkout) == before
    assert [version["version"] for version in listed(checkout, capsys)] == [1]


def test_nothing_is_changed_where_no_version_can_be_kept(checkout: Checkout, set_values: SetValues) -> None:
    before = state_of(checkout)
    folder(checkout).symlink_to(checkout.root)

    with pytest.raises(Refused, match="symbolic link"):
        set_values(["sk-a"])
    assert state_of(checkout) == before


def test_a_full_disk_changes_nothing(
    checkout: Checkout, set_values: SetValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(checkout)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "replace_file", full)
    with pytest.raises(OpsError, match="000001 can't be written: No space left"):
        set_values(["sk-a"])
    assert state_of(checkout) == before


def test_values_that_were_rotated_away_are_known_again(checkout: Checkout) -> None:
    retired = SecretsPaths.of(load_project(checkout.root)).retired
    assert retired is not None
    retired.note(KEY, Secret("sk-old"))
    retired.note("REDIS_PASSWORD", Secret("gone"))

    assert retired.found_in({KEY: Secret("sk-a,sk-old"), "REDIS_PASSWORD": Secret("gone")}) == (KEY, "REDIS_PASSWORD")
    assert retired.found_in({KEY: Secret("gone"), "OTHER": Secret("sk-old")}) == ()
    assert "sk-old" not in (checkout.root / ".optimus" / "secret-retired.json").read_text("utf-8")
