"""Backups that are damaged, foreign or none at all: nothing is changed, and the message says which of these it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.thorough import some
from tests.unit.secrets.backup.material import AgeKey, Keyring, back_up, call_gpg, restore
from tests.unit.secrets.samples import CANARY, Checkout, state_of

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets.backup.armor import BEGIN, armored, dearmored
from optimus_ops.secrets.backup.read_file import MOST_BYTES
from optimus_ops.secrets.backup.sealing import open_backup
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.snapshot import parse_snapshot
from optimus_ops.secrets.value import Secret


@pytest.fixture(params=["gpg", "age"])
def sealed(
    request: pytest.FixtureRequest, checkout: Checkout, keyring: Keyring, age_key: AgeKey
) -> tuple[Path, Unlock]:
    """A backup of each kind, and what opens it."""
    if request.param == "gpg":
        return back_up(checkout, recipients=(keyring.alice,)), Unlock()
    return back_up(checkout, recipients=(age_key.recipient,)), Unlock(age_key.file)


def refused(path: Path, content: bytes, unlock: Unlock) -> bool:
    path.write_bytes(content)
    try:
        open_backup(path, unlock)
    except Refused:
        return True
    return False


def test_every_truncation_is_refused(sealed: tuple[Path, Unlock], tmp_path: Path) -> None:
    path, unlock = sealed
    whole = path.read_bytes()
    lengths = range(len(whole))

    accepted = [length for length in lengths if not refused(tmp_path / "cut", whole[:length], unlock)]

    assert accepted == []
    assert not refused(tmp_path / "whole", whole, unlock)


def test_flipped_bits_are_refused(sealed: tuple[Path, Unlock], tmp_path: Path) -> None:
    path, unlock = sealed
    whole = path.read_bytes()
    places = some(range(8 * len(whole)), 29)

    def flipped(place: int) -> bytes:
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        return bytes(changed)

    assert [place for place in places if not refused(tmp_path / "bit", flipped(place), unlock)] == []


def test_flipped_bits_of_the_message_itself_never_give_another_file(
    checkout: Checkout, keyring: Keyring, tmp_path: Path
) -> None:
    whole = dearmored(back_up(checkout, recipients=(keyring.alice,)).read_bytes(), "it")
    # Some bits say the same either way, as those of a length: the content is right or there is none.
    for place in some(range(8 * len(whole)), 401):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path = tmp_path / "bit"
        path.write_bytes(armored(bytes(changed)))
        try:
            snapshot = open_backup(path, Unlock())
        except Refused:
            continue
        assert snapshot.content.reveal() == checkout.secrets_file.read_text("utf-8")


@pytest.mark.usefixtures("keyring")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    content=st.binary(max_size=300), start=st.sampled_from([b"", BEGIN, b"age-encryption.org/v1\n", b"\x85", b"\xc1"])
)
def test_arbitrary_content_is_refused(tmp_path: Path, content: bytes, start: bytes) -> None:
    key = tmp_path / "key.txt"
    if not key.exists():
        AgeKey.make(key)
    assert refused(tmp_path / "any", start + content, Unlock(key, Secret("any")))


@given(content=st.binary(min_size=1, max_size=500))
def test_armor_gives_back_what_it_was_made_of(content: bytes) -> None:
    assert dearmored(armored(content), "it") == content


@given(text=st.text(max_size=200))
def test_arbitrary_text_is_no_snapshot(text: str) -> None:
    with pytest.raises(Refused):
        parse_snapshot(Secret(text), "it")


def packed(keyring: Keyring, content: bytes) -> bytes:
    return keyring.call("--output", "-", "--recipient", keyring.alice, "--encrypt", content=content)


BAD: dict[str, tuple[str, Callable[[Keyring], bytes]]] = {
    "empty": ("is empty", lambda _: b""),
    "plain": ("is not encrypted", lambda _: b"OPENAI_API_KEYS=sk-x\n"),
    "hardly there": ("is cut off", lambda _: b"-----BEG"),
    "signed text": ("is signed and not encrypted", lambda keys: keys.call("--clearsign", content=b"A=b\n")),
    "signed": ("is signed or packed, and not encrypted", lambda keys: keys.call("--sign", content=b"A=b\n")),
    "for others": (
        "is encrypted for others: the keys",
        lambda keys: armored(for_a_stranger(keys)),
    ),
    "something else": ("holds no backup of secrets", lambda keys: packed(keys, b"holiday pictures")),
    "no text": ("holds no backup of secrets", lambda keys: packed(keys, b"\xff\xfe\x00")),
    "a later version": (
        "has version 9 of the format",
        lambda keys: packed(keys, b'{"format": "optimus-ops secrets", "version": 9, "tool": "x"}\nA=b\n'),
    ),
    "half of its facts": (
        "is damaged",
        lambda keys: packed(keys, b'{"format": "optimus-ops secrets", "version": 1, "tool": "x"}\nA=b\n'),
    ),
}


def for_a_stranger(keyring: Keyring) -> bytes:
    home = keyring.home.with_name(f"{keyring.home.name}-stranger")
    home.mkdir(mode=0o700, exist_ok=True)
    try:
        call_gpg(home, "--quick-generate-key", "eve <eve@example.org>", "future-default", "default", "never")
        return call_gpg(home, "--output", "-", "--recipient", "eve@example.org", "--encrypt", content=b"x")
    finally:
        shutil.rmtree(home)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_backup_changes_nothing_and_is_named(
    checkout: Checkout, keyring: Keyring, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message, make = BAD[name]
    before = state_of(checkout)
    path = tmp_path / "backup.asc"
    path.write_bytes(make(keyring))

    with pytest.raises(Refused, match=message) as error:
        restore(checkout, path)

    output = capsys.readouterr()
    assert state_of(checkout) == before
    assert "gpg:" not in str(error.value) + output.err
    assert not (checkout.root / ".optimus" / "journal").exists()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "large.asc"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    yield path
    path.unlink()


def test_a_huge_file_is_not_read(checkout: Checkout, large: Path) -> None:
    with pytest.raises(Refused, match="is larger than 16 MiB"):
        restore(checkout, large)


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(
    checkout: Checkout, keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.asc"
    path.write_bytes(packed(keyring, bytes(4 * MOST_BYTES)))
    assert path.stat().st_size < MOST_BYTES / 100
    with pytest.raises(OpsError):
        restore(checkout, path)


@pytest.mark.parametrize("what", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused(checkout: Checkout, tmp_path: Path, what: str) -> None:
    path = tmp_path / "backup"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    with pytest.raises(Refused, match="can't be read" if what == "missing" else "not a regular file"):
        restore(checkout, path)


def test_wrong_keys_of_age_are_named(checkout: Checkout, age_key: AgeKey, tmp_path: Path) -> None:
    path = back_up(checkout, recipients=(age_key.recipient,))
    other = AgeKey.make(tmp_path / "other.txt")
    nothing = tmp_path / "nothing.txt"
    nothing.write_text(f"{CANARY}\nAGE-SECRET-KEY-1{CANARY}\n", "ascii")

    with pytest.raises(Refused, match="is encrypted for others than this identity"):
        restore(checkout, path, identity=str(other.file))
    with pytest.raises(Refused, match="name the file of a private key: --identity FILE"):
        restore(checkout, path)
    with pytest.raises(Refused, match="holds no private key of age") as error:
        restore(checkout, path, identity=str(nothing))
    assert CANARY not in str(error.value)
