"""What a backup is opened with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.secrets.backup.passphrase import ask_passphrase
from optimus_ops.secrets.value import Secret


@dataclass(frozen=True, slots=True)
class Unlock:
    """A private key's file (GnuPG: else the operator's keyring), a passphrase, and what asks for one."""

    identity: Path | None = None
    passphrase: Secret | None = None
    ask: Callable[[str], Secret] = ask_passphrase
