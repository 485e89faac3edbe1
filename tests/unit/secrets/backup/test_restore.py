"""`invoke secrets.restore`: everything comes back or nothing changes, and what is wrong is said."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.secrets.backup.material import AgeKey, Keyring, back_up, call_gpg, restore
from tests.unit.secrets.samples import CANARY, FULL_SCHEMA, Checkout, state_of

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused, WouldChange
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import commands as init_commands
from optimus_ops.secrets import provision, store
from optimus_ops.secrets.backup import commands
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.value import Secret
from optimus_ops.system.atomic_write import replace_file

SetKey = Callable[..., None]


@pytest.fixture
def backup(checkout: Checkout, age_key: AgeKey) -> Path:
    return back_up(checkout, recipients=(age_key.recipient,))


def identity(key: AgeKey) -> dict[str, Any]:
    return {"identity": str(key.file)}


def test_a_backup_brings_back_the_file_and_the_services_files(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state_of(checkout)
    set_key()
    changed = state_of(checkout)

    restore(checkout, backup, **identity(age_key))

    output = capsys.readouterr().out
    assert state_of(checkout) == before
    assert f"- OPENAI_API_KEYS (only in .env.secrets)\n4 secrets the same in .env.secrets and {backup.name}\n" in output
    assert CANARY not in output

    restore(checkout, "@latest")
    assert state_of(checkout) == changed


@pytest.mark.parametrize("how", ["keyring", "file", "passphrase"])
def test_a_backup_of_gnupg_is_opened_with_what_its_reader_has(
    checkout: Checkout, keyring: Keyring, set_key: SetKey, tmp_path: Path, how: str
) -> None:
    before = state_of(checkout)
    secret = "one two" if how == "passphrase" else ""
    path = back_up(checkout, passphrase=secret, recipients=() if secret else (keyring.alice,))
    set_key()
    exported = tmp_path / "alice.asc"
    exported.write_bytes(keyring.call("--armor", "--export-secret-keys", keyring.alice))

    restore(checkout, path, passphrase=secret, identity=str(exported) if how == "file" else "")

    assert state_of(checkout) == before


def test_a_private_key_with_a_passphrase_is_unlocked_by_descriptor(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_key: SetKey, keyring: Keyring
) -> None:
    before = state_of(checkout)
    words = ("--pinentry-mode", "loopback", "--passphrase", "key pass")
    home = keyring.home
    call_gpg(home, *words, "--quick-generate-key", "carol <carol@example.org>", "future-default", "default", "never")
    rows = call_gpg(home, "--with-colons", "--list-keys", "carol@example.org").decode().splitlines()
    carol = next(row.split(":")[9] for row in rows if row.startswith("fpr"))
    exported = tmp_path / "carol.asc"
    exported.write_bytes(call_gpg(home, *words, "--armor", "--export-secret-keys", carol))
    path = back_up(checkout, recipients=(carol,))
    set_key()
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "nowhere"))

    with pytest.raises(Refused, match="wrong passphrase"):
        restore(checkout, path, identity=str(exported), passphrase="another")
    restore(checkout, path, identity=str(exported), passphrase="key pass")
    assert state_of(checkout) == before


def test_a_lost_file_comes_back(checkout: Checkout, backup: Path, age_key: AgeKey) -> None:
    before = state_of(checkout)
    checkout.secrets_file.unlink()
    shutil.rmtree(checkout.secrets_dir)

    restore(checkout, backup, **identity(age_key))

    assert state_of(checkout) == before
    assert checkout.secrets_file.stat().st_mode & 0o777 == 0o600


def test_a_malformed_file_is_replaced_and_kept(
    checkout: Checkout, backup: Path, age_key: AgeKey, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state_of(checkout)
    checkout.write_secrets(f"broken {CANARY}\n")

    restore(checkout, backup, **identity(age_key))

    assert state_of(checkout) == before
    output = capsys.readouterr()
    assert ".env.secrets is malformed now" in output.out
    assert CANARY not in output.out + output.err
    with pytest.raises(Refused, match="expected KEY=value"):
        restore(checkout, "@latest")
    assert state_of(checkout) == before


def test_the_same_again_changes_nothing(
    checkout: Checkout, backup: Path, age_key: AgeKey, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    restore(checkout, backup, yes=False, options=ChangeOptions(json=True), **identity(age_key))
    assert json.loads(capsys.readouterr().out)["result"] == "nothing to do"


def test_a_plan_changes_nothing_and_asks_nothing(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey, capsys: pytest.CaptureFixture[str]
) -> None:
    set_key()
    before = state_of(checkout)
    capsys.readouterr()

    restore(checkout, backup, yes=False, options=ChangeOptions(plan=True, json=True), **identity(age_key))
    shown = json.loads(capsys.readouterr().out)
    with pytest.raises(WouldChange):
        restore(checkout, backup, options=ChangeOptions(plan=True, detailed_exitcode=True), **identity(age_key))

    assert shown["difference"]["only_in_a"] == ["OPENAI_API_KEYS"]
    assert shown["plan"]["steps"][0]["services"] == ["ai-engine"]
    assert state_of(checkout) == before


class Terminal(io.StringIO):
    """Standard input at a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize(("answer", "restored"), [("y\n", True), ("yes\n", True), ("\n", False), ("", False)])
def test_a_terminal_is_asked(
    checkout: Checkout,
    backup: Path,
    age_key: AgeKey,
    set_key: SetKey,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    restored: bool,
) -> None:
    before = state_of(checkout)
    set_key()
    changed = state_of(checkout)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))

    if restored:
        restore(checkout, backup, yes=False, **identity(age_key))
    else:
        with pytest.raises(Refused, match="not confirmed"):
            restore(checkout, backup, yes=False, **identity(age_key))
    assert state_of(checkout) == (before if restored else changed)


def test_without_a_terminal_it_has_to_be_said(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_key()
    changed = state_of(checkout)
    for stdin in (io.StringIO("y\n"), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(Refused, match="no terminal to ask at"):
            restore(checkout, backup, yes=False, **identity(age_key))
    assert state_of(checkout) == changed


def test_a_backup_of_another_project_is_refused_unless_forced(
    checkout: Checkout, age_key: AgeKey, tmp_path: Path
) -> None:
    other = Checkout.make(tmp_path / "shop", FULL_SCHEMA)
    provision.ensure(SecretsPaths.of(load_project(other.root)))
    path = back_up(other, recipients=(age_key.recipient,))
    before = state_of(checkout)

    with pytest.raises(Refused, match="is of another project: shop, and this is checkout"):
        restore(checkout, path, **identity(age_key))
    assert state_of(checkout) == before
    restore(checkout, path, force=True, **identity(age_key))
    assert state_of(checkout) == state_of(other)


def test_environments_are_not_mixed_up(checkout: Checkout, backup: Path, age_key: AgeKey) -> None:
    init_commands.init(ChangeOptions(), checkout.root, "staging")
    staging = checkout.root / ".env.secrets.staging"
    path = back_up(checkout, recipients=(age_key.recipient,), environment="staging")
    before, text = state_of(checkout), staging.read_text("utf-8")

    with pytest.raises(Refused, match=r"is of the environment staging, not for .env.secrets"):
        restore(checkout, path, **identity(age_key))
    with pytest.raises(Refused, match=r"is of the file that all share, not for .env.secrets.staging"):
        restore(checkout, backup, environment="staging", **identity(age_key))
    staging.unlink()
    restore(checkout, path, environment="staging", **identity(age_key))

    assert staging.read_text("utf-8") == text
    assert state_of(checkout) == before


def test_values_that_were_rotated_away_do_not_come_back(
    checkout: Checkout, age_key: AgeKey, set_key: SetKey, capsys: pytest.CaptureFixture[str]
) -> None:
    set_key("sk-old")
    path = back_up(checkout, recipients=(age_key.recipient,))
    set_key("sk-new")
    retired = SecretsPaths.of(load_project(checkout.root)).retired
    assert retired is not None
    retired.note("OPENAI_API_KEYS", Secret("sk-old"))
    before = state_of(checkout)

    for source in (path, "@latest"):
        with pytest.raises(Refused, match="rotated away, and that nothing accepts: OPENAI_API_KEYS"):
            restore(checkout, source, **identity(age_key))
    assert state_of(checkout) == before
    restore(checkout, path, force=True, **identity(age_key))
    assert "rotated away, and nothing accepts them: OPENAI_API_KEYS" in capsys.readouterr().out


@pytest.mark.parametrize("phase", ["pending", "grace", "damaged"])
def test_nothing_is_restored_amid_a_rotation(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey, phase: str
) -> None:
    set_key()
    before = state_of(checkout)
    record = checkout.root / ".optimus" / "rotations" / "rot-0123456789ab" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{" if phase == "damaged" else json.dumps({"key": "REDIS_PASSWORD", "phase": phase}), "ascii")

    with pytest.raises(Refused, match="a rotation is under way"):
        restore(checkout, backup, **identity(age_key))
    assert state_of(checkout) == before
    assert back_up(checkout, recipients=(age_key.recipient,)).exists()
    record.write_text(json.dumps({"key": "REDIS_PASSWORD", "phase": "finished"}), "ascii")
    restore(checkout, backup, **identity(age_key))


def test_what_the_schema_does_not_take_is_refused(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey
) -> None:
    set_key()
    before = state_of(checkout)
    checkout.example.write_text(FULL_SCHEMA.replace("REDIS_PASSWORD=", "OTHER_PASSWORD="), "utf-8")
    with pytest.raises(Refused, match=r"REDIS_PASSWORD is not in .env.example"):
        restore(checkout, backup, **identity(age_key))
    strict = FULL_SCHEMA.replace("# Password of the database", "# @pattern=x{500}\n# Password of the database")
    checkout.example.write_text(strict, "utf-8")
    with pytest.raises(Refused, match="POSTGRES_PASSWORD is malformed"):
        restore(checkout, backup, force=True, **identity(age_key))
    assert state_of(checkout) == before


def test_what_a_backup_lacks_and_the_platform_made_since_stays(
    checkout: Checkout, backup: Path, age_key: AgeKey, capsys: pytest.CaptureFixture[str]
) -> None:
    added = "\n# Signs sessions.\n# @generate=token(32) @consumers=ai-engine @required\nSESSION_KEY=\n"
    checkout.example.write_text(FULL_SCHEMA + added, "utf-8")
    init_commands.init(ChangeOptions(), checkout.root)
    made = checkout.projected()["ai-engine/SESSION_KEY"]
    checkout.write_secrets(checkout.secrets_file.read_text("utf-8").replace("REDIS_PASSWORD=", "REDIS_PASSWORD=x"))

    restore(checkout, backup, **identity(age_key))

    assert checkout.projected()["ai-engine/SESSION_KEY"] == made
    assert f"not in {backup.name}, so left as they are: SESSION_KEY" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "at"), [(errno.ENOSPC, 1), (errno.ENOSPC, 2), (errno.EACCES, 3), (errno.EROFS, 4)])
def test_a_restore_that_fails_half_way_is_undone(
    checkout: Checkout,
    backup: Path,
    age_key: AgeKey,
    set_key: SetKey,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    at: int,
) -> None:
    checkout.write_secrets(checkout.secrets_file.read_text("utf-8").replace("REDIS_PASSWORD=", "REDIS_PASSWORD=x"))
    init_commands.init(ChangeOptions(), checkout.root)
    set_key()
    before, real, calls = state_of(checkout), replace_file, 0

    def fails(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(number, os.strerror(number))
        real(*arguments)

    monkeypatch.setattr(store, "replace_file", fails)
    with pytest.raises(OpsError, match=os.strerror(number)):
        restore(checkout, backup, **identity(age_key))
    monkeypatch.undo()

    assert state_of(checkout) == before
    versions = SecretsPaths.of(load_project(checkout.root)).versions
    assert versions is not None
    kept = [version.snapshot.task for version in versions.listed(".env.secrets") if version.snapshot]
    assert kept == ["secrets.set"]


def test_a_file_that_is_edited_while_it_is_asked_about_is_not_replaced(
    checkout: Checkout, backup: Path, age_key: AgeKey, set_key: SetKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_key()
    text = checkout.secrets_file.read_text("utf-8")
    monkeypatch.setattr(commands, "confirm", lambda *_: checkout.write_secrets(f"{text}# a note\n"))
    with pytest.raises(Refused, match=r".env.secrets was changed meanwhile"):
        restore(checkout, backup, yes=False, **identity(age_key))
    assert checkout.secrets_file.read_text("utf-8") == f"{text}# a note\n"
