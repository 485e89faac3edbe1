"""Sealing a backup for those who may read it, and opening one of either kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets.backup import gpg
from optimus_ops.secrets.backup.gpg_process import dedicated_home
from optimus_ops.secrets.backup.gpg_recipients import load_recipients, parse_fingerprint
from optimus_ops.secrets.backup.read_file import read_small
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.snapshot import Snapshot, parse_snapshot
from optimus_ops.secrets.value import Secret

Kind = Literal["gpg", "age"]
KINDS: tuple[Kind, ...] = get_args(Kind)
AGE = b"age-encryption.org/v1\n"
PGP = b"-----BEGIN PGP "
MESSAGE = PGP + b"MESSAGE-----\n"
SIGNED = (PGP + b"SIGNED MESSAGE-----", PGP + b"SIGNATURE-----")
BINARY = 0x80
"""The bit that the first byte of each OpenPGP packet has, and no text does."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """Who may read a backup: recipients, or who knows a passphrase."""

    kind: Kind
    recipients: tuple[str, ...] = ()
    key_files: tuple[Path, ...] = ()
    passphrase: Secret | None = None

    @property
    def readers(self) -> str:
        """Say who can read it."""
        return ", ".join(self.recipients) or "whoever knows the passphrase"

    def check(self) -> None:
        """Refuse recipients that can't be encrypted for."""
        if self.kind == "gpg":
            with dedicated_home() as home:
                load_recipients(home, self.recipients, self.key_files)
            return
        from optimus_ops.secrets.backup import age  # noqa: PLC0415 - a library that the other kind doesn't need

        for text in self.recipients:
            age.parse_recipient(text)


def choose_sealing(
    kind: str, recipients: tuple[str, ...], key_files: tuple[Path, ...], *, by_passphrase: bool
) -> Sealing:
    """Return how a backup is sealed, a passphrase not asked for yet; recipients say themselves of which kind they are.

    Raises:
        Refused: nobody could read it, or what is named doesn't go together.
    """
    if kind and kind not in KINDS:
        raise Refused(f"--kind {kind}: no such kind", f"there are: {', '.join(KINDS)}")
    if bool(recipients) == by_passphrase:
        if recipients:
            raise Refused("a backup is for recipients or by a passphrase, not both", "leave one of them out")
        raise Refused(
            "who may read the backup?", "--recipient FINGERPRINT (GnuPG) or age1… (age), repeatable; or --passphrase"
        )
    of_age = [text for text in recipients if text.startswith(("age1", "ssh-"))]
    if of_age and len(of_age) < len(recipients):
        raise Refused("recipients of GnuPG and of age don't go together", "make two backups")
    found: Kind = "age" if of_age or (kind == "age" and not recipients) else "gpg"
    if kind and kind != found:
        raise Refused(f"--kind {kind}: the recipients are of {found}", "leave --kind out")
    if found == "age":
        if key_files:
            raise Refused("--key-file goes with recipients of GnuPG", "a recipient of age is its own key")
        return Sealing(found, tuple(dict.fromkeys(recipients)))
    if key_files and not recipients:
        raise Refused("--key-file needs --recipient", "name whose key of the file it is, by its fingerprint")
    return Sealing(found, tuple(dict.fromkeys(map(parse_fingerprint, recipients))), key_files)


def seal(snapshot: Snapshot, sealing: Sealing) -> bytes:
    """Return a backup of a file of secrets."""
    content = snapshot.render().reveal().encode()
    if sealing.kind == "gpg":
        return gpg.encrypt(content, sealing.recipients, sealing.key_files, sealing.passphrase)
    from optimus_ops.secrets.backup import age  # noqa: PLC0415 - a library that the other kind doesn't need

    return age.encrypt(content, sealing.recipients, sealing.passphrase)


def open_backup(path: Path, unlock: Unlock) -> Snapshot:
    """Decrypt a backup in memory and check all of it.

    Raises:
        Refused: it is no backup, or not whole, or not for us; the message says which.
    """
    data = read_small(path, "backup")
    name = path.name
    if kind_of(data, name) == "gpg":
        content = gpg.decrypt(data, name, unlock)
    else:
        from optimus_ops.secrets.backup import age  # noqa: PLC0415 - as above

        content = age.decrypt(data, name, unlock)
    try:
        text = Secret(content.decode())
    except UnicodeDecodeError:
        raise Refused(
            f"{name} holds no backup of secrets", "it was made by something else than invoke secrets.*"
        ) from None
    snapshot = parse_snapshot(text, name)
    try:
        _ = snapshot.document
    except OpsError as error:
        raise Refused(f"{name}: {error.message}", error.hint) from None
    return snapshot


def kind_of(data: bytes, name: str) -> Kind:
    """Tell by its beginning what a file is encrypted with; refuse what isn't."""
    again = "take another copy of it"
    if not data:
        raise Refused(f"{name} is empty", again)
    if data.startswith(AGE):
        return "age"
    if data.startswith(MESSAGE) or data[0] & BINARY:
        return "gpg"
    if AGE.startswith(data[: len(AGE)]) or MESSAGE.startswith(data[: len(MESSAGE)]):
        raise Refused(f"{name} is cut off: hardly anything of it is there", again)
    if data.startswith(SIGNED):
        raise Refused(f"{name} is signed and not encrypted", "anybody can read it: it is no backup")
    if data.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        raise Refused(f"{name} is a backup of age in letters", "decode it first: age's own form is wanted")
    raise Refused(
        f"{name} is not encrypted, or its beginning was changed", "no backup: invoke secrets.backup makes one"
    )
