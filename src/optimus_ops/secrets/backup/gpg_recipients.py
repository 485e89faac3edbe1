"""Recipients of a backup: public keys, named by their full fingerprints and judged before anything is encrypted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.secrets.backup.gpg_process import Gpg
from optimus_ops.secrets.backup.read_file import read_small

FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
SHORT = re.compile(r"[0-9A-F]{8,39}")
UNUSABLE = {"r": "is revoked", "e": "has expired", "d": "is disabled", "i": "is invalid"}
PRIVATE = 16
"""Bit of the status IMPORT_OK: a private key was imported."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A recipient's key: its fingerprint, and the ids of the keys in it that may be encrypted to."""

    fingerprint: str
    key_ids: frozenset[str]


def parse_fingerprint(text: str) -> str:
    """Return a fingerprint as gpg writes it; refuse all that names a key by less."""
    found = re.sub(r"[\s:]", "", text).upper().removeprefix("0X")
    if FINGERPRINT.fullmatch(found):
        return found
    hint = "name the key by its full fingerprint, 40 digits: gpg --list-keys --keyid-format none"
    if SHORT.fullmatch(found):
        raise Refused(f"--recipient {text}: a short key id can be forged", hint)
    raise Refused(f"--recipient {text}: no fingerprint of a key", hint)


def load_recipients(gpg: Gpg, fingerprints: Sequence[str], key_files: Sequence[Path]) -> tuple[PublicKey, ...]:
    """Import the recipients' keys into gpg's home, from files or else the operator's keyring, and judge each.

    Raises:
        Refused: a key is not to be had, or can't be encrypted to.
    """
    for path in key_files:
        _import(gpg, read_small(path, "key"), path.name)
    keys = []
    for fingerprint in fingerprints:
        if not _records(gpg, fingerprint):
            exported = Gpg().run("--export-options", "export-minimal", "--export", fingerprint).output
            if exported:
                _import(gpg, exported, "the keyring")
        keys.append(_judged(fingerprint, _records(gpg, fingerprint)))
    return tuple(keys)


def _import(gpg: Gpg, content: bytes, source: str) -> None:
    done = gpg.run("--import-options", "import-minimal", "--import", content=content)
    flags = [int(words[0]) for words in done.told("IMPORT_OK") if words and words[0].isdigit()]
    if any(flag & PRIVATE for flag in flags):
        raise Refused(f"{source} holds a private key", "recipients are public keys: gpg --armor --export FINGERPRINT")
    if not flags:
        raise Refused(f"{source} holds no public key of OpenPGP", "make it by: gpg --armor --export FINGERPRINT")


def _records(gpg: Gpg, fingerprint: str) -> list[list[str]]:
    done = gpg.run("--with-colons", "--fixed-list-mode", "--list-keys", fingerprint)
    return [line.split(":") for line in done.output.decode("utf-8", "replace").splitlines()] if done.code == 0 else []


def _judged(fingerprint: str, records: Iterable[Sequence[str]]) -> PublicKey:
    rows = list(records)
    primary = next((row for row in rows if row[0] == "pub"), None)
    if primary is None:
        keyring = os.environ.get("GNUPGHOME") or "~/.gnupg"
        raise Refused(
            f"there is no key {fingerprint}", f"import it into the keyring ({keyring}), or name its file: --key-file"
        )
    own = next(row[9] for row in rows if row[0] == "fpr")
    if own != fingerprint:
        raise Refused(f"{fingerprint} is a part of the key {own}", f"name the key itself: --recipient {own}")
    if problem := UNUSABLE.get(primary[1]):
        raise Refused(f"the key {fingerprint} {problem}", "name another recipient, or have its owner renew it")
    # A capital letter: the key as a whole can do it now.
    if "E" not in primary[11]:
        raise Refused(
            f"the key {fingerprint} can't be encrypted to",
            "it has no valid part for encryption: its owner has to add one",
        )
    able = (row for row in rows if row[0] in {"pub", "sub"} and "e" in row[11] and row[1] not in UNUSABLE)
    return PublicKey(fingerprint, frozenset(row[4] for row in able))
