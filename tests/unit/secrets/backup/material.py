"""Keys of GnuPG and age for the tests of backups, and passphrases on descriptors."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.secrets.backup import commands

PASSPHRASE = " pä ss  wörd "


@dataclass(frozen=True)
class Keyring:
    """A keyring of GnuPG and the fingerprints of the keys in it."""

    home: Path
    alice: str
    bob: str
    expired: str
    revoked: str
    signing: str

    def call(self, *arguments: str, content: bytes = b"") -> bytes:
        return call_gpg(self.home, *arguments, content=content)


def call_gpg(home: Path, *arguments: str, content: bytes = b"") -> bytes:
    argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    trusted = ["--trust-model", "always"]
    return subprocess.run([*argv, *trusted, *arguments], input=content, capture_output=True, check=True).stdout


def make_keyring(home: Path) -> Keyring:
    if shutil.which("gpg") is None:
        pytest.fail("there is no gpg, which these tests need: apt-get install gnupg")

    # Protecting keys of tests well takes seconds.
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n", "ascii")

    def make(name: str, *usage: str, when: str = "") -> str:
        faked = ("--faked-system-time", when) if when else ()
        call_gpg(home, *faked, "--quick-generate-key", f"{name} <{name}@example.org>", *usage)
        rows = call_gpg(home, "--with-colons", "--list-keys", f"{name}@example.org").decode().splitlines()
        return next(row.split(":")[9] for row in rows if row.startswith("fpr"))

    keyring = Keyring(
        home,
        make("alice", "future-default", "default", "never"),
        make("bob", "future-default", "default", "never"),
        make("expired", "future-default", "default", "1d", when="20200101T000000"),
        make("revoked", "future-default", "default", "never"),
        make("signing", "ed25519", "sign", "never"),
    )
    revocation = (home / "openpgp-revocs.d" / f"{keyring.revoked}.rev").read_text("utf-8")
    call_gpg(home, "--import", content=revocation.replace(":-----BEGIN", "-----BEGIN").encode())
    return keyring


@dataclass(frozen=True)
class AgeKey:
    """A recipient of age and the file of its private key."""

    recipient: str
    file: Path

    @classmethod
    def make(cls, file: Path) -> AgeKey:
        made = pyrage.x25519.Identity.generate()
        file.write_text(f"# created by a test\n{made}\n", "ascii")
        return cls(str(made.to_public()), file)


def on_descriptor(content: bytes) -> str:
    """Return the number of a descriptor that gives some bytes."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return str(reading)


def back_up(
    checkout: Checkout, to: str = "", *, options: ChangeOptions | None = None, passphrase: str = "", **flags: object
) -> Path:
    """Make a backup and return its file: the newest of the folder."""
    given = on_descriptor(passphrase.encode()) if passphrase else ""
    request = commands.BackupRequest(to=to, passphrase_fd=given, **flags)  # type: ignore[arg-type]
    commands.back_up(request, options or ChangeOptions(), checkout.root)
    if to and not Path(to).is_dir():
        return Path(to)
    folder = Path(to) if to else checkout.root / ".optimus" / "secret-backups"
    return max(folder.iterdir(), key=lambda path: (path.lstat().st_mtime_ns, path.name))


def restore(
    checkout: Checkout,
    source: str | Path,
    *,
    options: ChangeOptions | None = None,
    passphrase: str = "",
    yes: bool = True,
    **flags: object,
) -> None:
    given = on_descriptor(passphrase.encode()) if passphrase else ""
    request = commands.RestoreRequest(str(source), passphrase_fd=given, yes=yes, **flags)  # type: ignore[arg-type]
    commands.restore(request, options or ChangeOptions(), checkout.root)
