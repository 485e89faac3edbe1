"""`invoke secrets.backup`: for whom, where to, how many, and how it ends where that can't be."""

from __future__ import annotations

import contextlib
import errno
import getpass
import io
import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
from tests.unit.secrets.backup.material import PASSPHRASE, AgeKey, Keyring, back_up, on_descriptor
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.lock import stack_lock
from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.secrets import commands as init_commands
from optimus_ops.secrets.backup import commands, make
from optimus_ops.secrets.backup.sealing import open_backup
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.value import Secret


def test_each_recipient_of_gnupg_can_read_a_backup(checkout: Checkout, keyring: Keyring, tmp_path: Path) -> None:
    path = back_up(checkout, recipients=(keyring.alice, keyring.bob))

    for owner in (keyring.alice, keyring.bob):
        identity = tmp_path / "key.asc"
        identity.write_bytes(keyring.call("--armor", "--export-secret-keys", owner))
        snapshot = open_backup(path, Unlock(identity))
        assert snapshot.content.reveal() == checkout.secrets_file.read_text("utf-8")
    assert (snapshot.project, snapshot.environment, snapshot.file) == ("checkout", "", ".env.secrets")
    assert "REDIS_PASSWORD" in snapshot.named
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_other_programs_can_read_a_backup(checkout: Checkout, keyring: Keyring) -> None:
    path = back_up(checkout, recipients=(keyring.alice,))

    plain = keyring.call("--decrypt", str(path)).decode()

    head, _, content = plain.partition("\n")
    assert content == checkout.secrets_file.read_text("utf-8")
    assert json.loads(head)["sha256"]


@pytest.mark.parametrize("kind", ["gpg", "age"])
def test_a_passphrase_with_spaces_and_other_letters_is_taken_as_it_is(checkout: Checkout, kind: str) -> None:
    path = back_up(checkout, passphrase=f"{PASSPHRASE}\n", kind=kind)

    assert path.suffix == {"gpg": ".asc", "age": ".age"}[kind]
    assert open_backup(path, Unlock(passphrase=Secret(PASSPHRASE))).named
    with pytest.raises(Refused, match="wrong passphrase"):
        open_backup(path, Unlock(passphrase=Secret(PASSPHRASE.strip())))


def test_a_recipient_of_age_can_read_a_backup(checkout: Checkout, age_key: AgeKey) -> None:
    path = back_up(checkout, recipients=(age_key.recipient,))

    assert open_backup(path, Unlock(age_key.file)).content.reveal() == checkout.secrets_file.read_text("utf-8")


def test_a_key_from_a_file_needs_no_keyring(
    checkout: Checkout, made_keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "alice.asc"
    key_file.write_bytes(made_keyring.call("--armor", "--export", made_keyring.alice))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "nowhere"))
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("LANG", "xx_YY.none")

    path = back_up(checkout, recipients=(made_keyring.alice,), key_files=(str(key_file),))

    assert made_keyring.call("--decrypt", str(path)).decode().endswith(checkout.secrets_file.read_text("utf-8"))


def test_options_of_the_operators_keyring_change_nothing(checkout: Checkout, keyring: Keyring) -> None:
    options = keyring.home / "gpg.conf"
    options.write_text(f"encrypt-to {keyring.bob}\nno-such-option\n", "ascii")
    try:
        path = back_up(checkout, recipients=(keyring.alice,))
        assert open_backup(path, Unlock()).named
    finally:
        options.unlink()
    ids = keyring.call("--list-only", "--status-fd", "1", "--decrypt", str(path)).decode()
    assert ids.count("ENC_TO") == 1


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        ("expired", "has expired"),
        ("revoked", "is revoked"),
        ("signing", "can't be encrypted to"),
        ("short", "a short key id can be forged"),
        ("unknown", "there is no key"),
        ("name", "no fingerprint"),
        ("part", "is a part of the key"),
    ],
)
@pytest.mark.parametrize("plan", [False, True])
def test_a_recipient_who_could_not_read_it_is_refused(
    checkout: Checkout, keyring: Keyring, owner: str, message: str, plan: bool
) -> None:
    rows = keyring.call("--with-colons", "--list-keys", keyring.alice).decode().splitlines()
    part = [row.split(":")[9] for row in rows if row.startswith("fpr")][1]
    others = {"short": keyring.alice[-16:], "unknown": "A" * 40, "name": "alice@example.org", "part": part}
    recipient = others.get(owner) or getattr(keyring, owner)

    with pytest.raises(Refused, match=message):
        back_up(checkout, recipients=(keyring.bob, recipient), options=ChangeOptions(plan=plan))
    assert not (checkout.root / ".optimus" / "secret-backups").exists()


def test_a_private_key_is_no_recipient(checkout: Checkout, keyring: Keyring, tmp_path: Path) -> None:
    key_file = tmp_path / "private.asc"
    key_file.write_bytes(keyring.call("--armor", "--export-secret-keys", keyring.alice))
    with pytest.raises(Refused, match="holds a private key"):
        back_up(checkout, recipients=(keyring.alice,), key_files=(str(key_file),))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "who may read the backup"),
        ({"recipients": ("age1qqq",)}, "no recipient of age"),
        ({"recipients": ("A" * 40,), "passphrase_fd": "0"}, "not both"),
        ({"recipients": ("A" * 40, "age1qqq")}, "don't go together"),
        ({"recipients": ("A" * 40,), "kind": "age"}, "the recipients are of gpg"),
        ({"passphrase": True, "kind": "zip"}, "no such kind"),
        ({"passphrase": True, "key_files": ("k.asc",)}, "--key-file needs --recipient"),
        ({"passphrase": True}, "no terminal to ask at"),
        ({"passphrase_fd": "three"}, "number of an open descriptor"),
        ({"passphrase_fd": "999999"}, "no passphrase can be read from descriptor 999999: Bad file descriptor"),
    ],
)
def test_flags_that_can_not_be_meant_are_refused(
    checkout: Checkout, flags: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    request = commands.BackupRequest(**flags)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=message):
        commands.back_up(request, ChangeOptions(), checkout.root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"two\nlines\n", "a line end or a NUL"),
        (b"nul\0", "a line end or a NUL"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 300, "longer than 255 bytes"),
    ],
)
def test_what_is_no_passphrase_is_refused(checkout: Checkout, content: bytes, message: str) -> None:
    request = commands.BackupRequest(passphrase_fd=on_descriptor(content))
    with pytest.raises(Refused, match=message):
        commands.back_up(request, ChangeOptions(), checkout.root)


class Terminal(io.StringIO):
    """Standard input at a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize(("second", "made"), [("the same", True), ("another", False)])
def test_a_passphrase_is_asked_for_twice(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, made: bool
) -> None:
    typed = iter(["the same", second])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(typed))
    path = tmp_path / "backup.asc"
    request = commands.BackupRequest(str(path), passphrase=True)
    if made:
        commands.back_up(request, ChangeOptions(), checkout.root)
        assert open_backup(path, Unlock(passphrase=Secret("the same"))).named
    else:
        with pytest.raises(Refused, match="the two passphrases differ"):
            commands.back_up(request, ChangeOptions(), checkout.root)
        assert not path.exists()


@pytest.mark.parametrize("there", ["file", "link", "dangling"])
def test_a_backup_takes_no_files_place(checkout: Checkout, age_key: AgeKey, tmp_path: Path, there: str) -> None:
    path, other = tmp_path / "backup.age", tmp_path / "other"
    if there != "dangling":
        other.write_text("mine", "ascii")
    if there == "file":
        path.write_text("mine", "ascii")
    else:
        path.symlink_to(other)

    with pytest.raises(Refused, match="is there already"):
        back_up(checkout, str(path), recipients=(age_key.recipient,))
    assert other.exists() == (there != "dangling")
    assert path.is_symlink() or path.read_text("ascii") == "mine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_backup_that_can_not_be_written_leaves_nothing(
    checkout: Checkout, age_key: AgeKey, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(make, "replace_file", fails)
    with pytest.raises(OpsError, match=f"can't be written: {os.strerror(number)}"):
        back_up(checkout, recipients=(age_key.recipient,))
    assert not list((checkout.root / ".optimus" / "secret-backups").iterdir())


def test_a_folder_that_is_missing_is_named(checkout: Checkout, age_key: AgeKey, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no folder"):
        back_up(checkout, str(tmp_path / "no" / "backup.age"), recipients=(age_key.recipient,))


def test_the_newest_are_kept_and_nothing_foreign_is_removed(
    checkout: Checkout, age_key: AgeKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    like = "checkout-20200101T00000{}Z.secrets.age"
    first = back_up(checkout, str(folder), recipients=(age_key.recipient,))
    old = [folder / like.format(number) for number in (1, 2)]
    for path in old:
        path.write_bytes(first.read_bytes())
    foreign = {
        folder / "checkout.staging-20200101T000001Z.secrets.age": first.read_bytes(),
        folder / "other-20200101T000001Z.secrets.age": first.read_bytes(),
        folder / like.format(3): b"not encrypted",
        folder / "notes.txt": b"mine",
    }
    for path, content in foreign.items():
        path.write_bytes(content)
    link = folder / like.format(4)
    link.symlink_to(old[1])
    (folder / like.format(5)).mkdir()
    killed = folder / f".{first.name}.{'0' * 16}.tmp"
    killed.write_bytes(b"half")

    back_up(checkout, str(folder), recipients=(age_key.recipient,), keep=2, options=ChangeOptions(plan=True))
    assert (
        "remove older backups: checkout-20200101T000001Z.secrets.age, checkout-20200101T000002Z"
        in capsys.readouterr().out
    )
    assert all(path.exists() for path in old)
    last = back_up(checkout, str(folder), recipients=(age_key.recipient,), keep=2)

    assert not any(path.exists() for path in (*old, killed))
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in (first, last, link, *foreign)),
        like.format(5),
    }


def test_keeping_goes_with_a_folder(checkout: Checkout, age_key: AgeKey, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--keep goes with a folder"):
        back_up(checkout, str(tmp_path / "one.age"), recipients=(age_key.recipient,), keep=2)


def test_a_plan_writes_nothing_and_says_what_it_would(
    checkout: Checkout, age_key: AgeKey, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up_plan = commands.BackupRequest(recipients=(age_key.recipient,))
    commands.back_up(back_up_plan, ChangeOptions(plan=True, json=True), checkout.root)

    (step,) = json.loads(capsys.readouterr().out)["plan"]["steps"]
    assert (step["step"], step["readers"]) == ("write-backup", age_key.recipient)
    assert not Path(step["path"]).parent.exists()


def test_an_environment_is_backed_up_by_itself(checkout: Checkout, age_key: AgeKey) -> None:
    init_commands.init(ChangeOptions(), checkout.root, "staging")

    path = back_up(checkout, recipients=(age_key.recipient,), environment="staging")

    snapshot = open_backup(path, Unlock(age_key.file))
    assert path.name.startswith("checkout.staging-")
    assert (snapshot.environment, snapshot.file) == ("staging", ".env.secrets.staging")


def test_what_is_not_there_can_not_be_backed_up(checkout: Checkout, age_key: AgeKey) -> None:
    checkout.secrets_file.unlink()
    with pytest.raises(Refused, match=r"there is no .env.secrets yet"):
        back_up(checkout, recipients=(age_key.recipient,))


def test_one_change_at_a_time(checkout: Checkout, age_key: AgeKey) -> None:
    locks = checkout.root / ".optimus" / "locks"
    with stack_lock(locks, "checkout", "another"), pytest.raises(Refused, match="is locked by"):
        back_up(checkout, recipients=(age_key.recipient,))


def test_a_missing_gpg_is_named(
    checkout: Checkout, age_key: AgeKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPrerequisite, match="no gpg on this machine") as missing:
        back_up(checkout, recipients=("A" * 40,))
    assert "apt-get install gnupg" in str(missing.value.hint)
    assert back_up(checkout, recipients=(age_key.recipient,)).exists()


def test_neither_passphrase_nor_value_is_shown_to_other_processes(
    checkout: Checkout,
    keyring: Keyring,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    seen, real = tmp_path / "seen", shutil.which("gpg")
    program = tmp_path / "gpg"
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >>{seen}\nexec {real} "$@"\n', "ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    values = [value for value in checkout.projected().values() if len(value) > 20]

    path = back_up(checkout, passphrase="correct horse 51c0")
    commands.verify(str(path), passphrase_fd=on_descriptor(b"correct horse 51c0"))
    back_up(checkout, recipients=(keyring.alice,))

    output = capfd.readouterr()
    shown = seen.read_text("utf-8") + output.out + output.err
    assert "--symmetric" in shown
    assert "correct horse 51c0" not in shown
    assert not [value for value in values if value in shown]


def test_no_agent_and_no_folder_is_left(checkout: Checkout, keyring: Keyring) -> None:
    path = back_up(checkout, passphrase="one two three")
    with pytest.raises(Refused, match="wrong passphrase"):
        open_backup(path, Unlock(passphrase=Secret("four")))
    back_up(checkout, recipients=(keyring.alice,))

    running = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            running.append(process.read_bytes())
    own = f"optimus-gpg-{os.getpid()}-".encode()
    assert not [line for line in running if own in line]
    assert not list(Path("/tmp").glob(f"optimus-gpg-{os.getpid()}-*"))
