"""A keyring of GnuPG, keys of age, and a checkout whose file has been changed since its backup."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.secrets.backup.material import AgeKey, Keyring, make_keyring
from tests.unit.secrets.samples import CANARY, Checkout, change


@pytest.fixture(scope="session")
def made_keyring() -> Iterator[Keyring]:
    # Not below pytest's own folders: the path of an agent's socket may have 107 characters.
    home = Path(tempfile.mkdtemp(prefix="test-gpg-"))
    try:
        yield make_keyring(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def keyring(made_keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.setenv("GNUPGHOME", str(made_keyring.home))
    return made_keyring


@pytest.fixture
def age_key(tmp_path: Path) -> AgeKey:
    return AgeKey.make(tmp_path / "key.txt")


@pytest.fixture
def set_key(checkout: Checkout, given: Callable[[bytes], None]) -> Callable[[str], None]:
    """Return what gives OPENAI_API_KEYS another value."""

    def set_it(value: str = f"sk-{CANARY}") -> None:
        given(f"{value}\n".encode())
        change(checkout, "OPENAI_API_KEYS")

    return set_it
