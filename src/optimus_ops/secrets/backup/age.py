"""Backups by age (https://age-encryption.org/v1): to recipients, or by a passphrase."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyrage

from optimus_ops.errors import Refused
from optimus_ops.secrets.backup.read_file import read_small
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.value import Secret

MAGIC = b"age-encryption.org/v1\n"
BY_PASSPHRASE = b"-> scrypt "
PRIVATE_KEY = "AGE-SECRET-KEY-"
REASONS = {
    "No matching keys found": ("is encrypted for others than this identity", "name another one: --identity FILE"),
    "Decryption failed": ("can't be decrypted: wrong passphrase", "is it the one of this backup?"),
    "Excessive work": ("would take this machine too long to decrypt", "try again when it has less to do"),
}
"""The library has one type of error: only its words tell what else than damage it was."""


def encrypt(content: bytes, recipients: Sequence[str], passphrase: Secret | None) -> bytes:
    """Encrypt for recipients, or with a passphrase."""
    if passphrase is not None:
        return bytes(pyrage.passphrase.encrypt(content, passphrase.reveal()))
    return bytes(pyrage.encrypt(content, [parse_recipient(text) for text in recipients]))


def decrypt(data: bytes, source: str, unlock: Unlock) -> bytes:
    """Decrypt a backup to memory.

    Raises:
        Refused: it is for others, tampered with or cut off; or the passphrase is wrong.
    """
    if data.removeprefix(MAGIC).startswith(BY_PASSPHRASE):
        passphrase = unlock.passphrase or unlock.ask(source)
        return _decrypted(lambda: pyrage.passphrase.decrypt(data, passphrase.reveal()), source)
    if unlock.identity is None:
        raise Refused(f"{source} is encrypted for recipients", "name the file of a private key: --identity FILE")
    identities = _identities(read_small(unlock.identity, "identity"), unlock.identity.name)
    return _decrypted(lambda: pyrage.decrypt(data, identities), source)


def parse_recipient(text: str) -> object:
    """Return a recipient: `age1…`, or a public key of SSH."""
    make = pyrage.ssh.Recipient.from_str if text.startswith("ssh-") else pyrage.x25519.Recipient.from_str
    try:
        return make(text)
    except pyrage.RecipientError:
        raise Refused(f"--recipient {text}: no recipient of age", "age-keygen -y prints it: age1…") from None


def _decrypted(decrypt_it: Callable[[], bytes], source: str) -> bytes:
    try:
        return bytes(decrypt_it())
    except pyrage.DecryptError as error:
        damage = ("was changed since it was written, or is cut off", "take another copy of it")
        problem, hint = next((said for words, said in REASONS.items() if str(error).startswith(words)), damage)
        raise Refused(f"{source} {problem}", hint) from None


def _identities(content: bytes, name: str) -> list[object]:
    """Return the private keys of a file: lines of age, or one key of SSH."""
    try:
        if b"PRIVATE KEY-----" in content:
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode("ascii", "replace").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(PRIVATE_KEY)]
    except pyrage.IdentityError:
        found = []
    if not found:
        # Nothing of the file is repeated: it may be a key all the same.
        raise Refused(f"{name} holds no private key of age", "as age-keygen makes it, or one of SSH without passphrase")
    return found
