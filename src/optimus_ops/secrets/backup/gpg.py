"""Backups by GnuPG: to recipients' public keys, or by a passphrase."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets.backup.armor import BEGIN, armored, dearmored
from optimus_ops.secrets.backup.gpg_process import Gpg, GpgResult, dedicated_home
from optimus_ops.secrets.backup.gpg_recipients import load_recipients
from optimus_ops.secrets.backup.read_file import MOST_BYTES, read_small
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.value import Secret

STRETCHED = ("--s2k-mode", "3", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712", "--cipher-algo", "AES256")
"""As slow to guess as gpg allows: each guess takes a tenth of a second."""
BAD_PASSPHRASE, CANCELED, FULLY_CANCELED = 11, 99, 198
"""Codes of libgpg-error."""


def encrypt(content: bytes, fingerprints: Sequence[str], key_files: Sequence[Path], passphrase: Secret | None) -> bytes:
    """Encrypt for recipients, or with a passphrase; what comes out is checked before it is returned."""
    output = ("--compress-algo", "none", "--output", "-")
    with dedicated_home() as gpg:
        if passphrase is not None:
            done = gpg.run(*STRETCHED, *output, "--symmetric", content=content, passphrase=passphrase)
            message = _encrypted(done)
            if _plaintext(_decrypt(gpg, message, passphrase), "the backup") != content:
                raise OpsError("gpg did not encrypt what it was given", "nothing was written")
            return armored(message)
        keys = load_recipients(gpg, fingerprints, key_files)
        named = [word for key in keys for word in ("--recipient", key.fingerprint)]
        message = _encrypted(gpg.run(*output, *named, "--encrypt", content=content))
        readers = _readers(gpg, message)
        if len(readers) != len(keys) or not all(key.key_ids & readers for key in keys):
            raise OpsError("gpg did not encrypt for the recipients that were named", "nothing was written")
        return armored(message)


def decrypt(data: bytes, source: str, unlock: Unlock) -> bytes:
    """Decrypt a backup to memory.

    Raises:
        Refused: it is not encrypted, for others, tampered with, cut off; or the passphrase is wrong.
    """
    message = dearmored(data, source) if data.startswith(BEGIN[:10]) else data
    with dedicated_home() as gpg:
        readers = _encrypted_to(gpg, message, source)
        if unlock.identity is not None:
            gpg.run("--import", content=read_small(unlock.identity, "identity"), passphrase=unlock.passphrase)
            return _plaintext(_decrypt(gpg, message, unlock.passphrase), source)
        if readers:
            # The operator's own key, of which the agent may have to ask the passphrase.
            return _plaintext(_decrypt(Gpg(), message, unlock.passphrase), source)
        return _plaintext(_decrypt(gpg, message, unlock.passphrase or unlock.ask(source)), source)


def _encrypted(done: GpgResult) -> bytes:
    if done.code != 0 or not done.told("END_ENCRYPTION") or not done.output:
        codes = ", ".join(map(str, sorted(done.error_codes()))) or "none"
        raise OpsError(f"gpg could not encrypt (exit code {done.code}, error codes: {codes})", "nothing was written")
    return done.output


def _decrypt(gpg: Gpg, message: bytes, passphrase: Secret | None) -> GpgResult:
    return gpg.run(
        "--max-output", str(MOST_BYTES), "--output", "-", "--decrypt", content=message, passphrase=passphrase
    )


def _readers(gpg: Gpg, message: bytes) -> frozenset[str]:
    """Return the ids of the keys that a message is encrypted to; none: with a passphrase."""
    return frozenset(words[0] for words in gpg.run("--list-only", "--decrypt", content=message).told("ENC_TO"))


def _encrypted_to(gpg: Gpg, message: bytes, source: str) -> frozenset[str]:
    done = gpg.run("--list-only", "--output", "-", "--decrypt", content=message)
    if not done.told("BEGIN_DECRYPTION"):
        if done.told("PLAINTEXT"):
            raise Refused(f"{source} is signed or packed, and not encrypted", "anybody can read it: it is no backup")
        raise Refused(f"{source} is no encrypted message, or is cut off", "take another copy of it")
    return frozenset(words[0] for words in done.told("ENC_TO"))


def _plaintext(done: GpgResult, source: str) -> bytes:
    """Return what was decrypted, if gpg vouches for all of it: exit code, one message, its integrity checked."""
    authentic = done.told("GOODMDC") or any(words[2:] > ("0",) for words in done.told("DECRYPTION_INFO"))
    single = all(len(done.told(name)) == 1 for name in ("BEGIN_DECRYPTION", "DECRYPTION_OKAY", "PLAINTEXT"))
    if done.code == 0 and single and authentic and not done.told("DECRYPTION_FAILED"):
        return done.output
    raise _refusal(done, source)


def _refusal(done: GpgResult, source: str) -> Refused:
    codes = done.error_codes()
    missing = [words[0] for words in done.told("NO_SECKEY") if words]
    if BAD_PASSPHRASE in codes:
        return Refused(f"{source} can't be decrypted: wrong passphrase", "is it the one of this backup?")
    if codes & {CANCELED, FULLY_CANCELED}:
        return Refused(f"{source} is not decrypted: no passphrase was given")
    if missing and not done.told("DECRYPTION_KEY"):
        return Refused(
            f"{source} is encrypted for others: the keys {', '.join(missing)}, none of which is here",
            "name the file of the private key (--identity FILE), or ask its owner",
        )
    if done.told("DECRYPTION_INFO"):
        return Refused(f"{source} was changed since it was written, or is cut off", "take another copy of it")
    if any(words[0].startswith("pkdecrypt") for words in done.told("ERROR") if words):
        return Refused(
            f"{source} can't be decrypted: the passphrase of the private key can't be asked for",
            "run it at a terminal, or hand the passphrase over: --passphrase-fd 3 3< FILE",
        )
    return Refused(f"{source} was changed since it was written, or is cut off", "take another copy of it")
