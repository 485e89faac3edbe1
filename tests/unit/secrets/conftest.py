"""A checkout with secrets, and values on standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.secrets.samples import FULL_SCHEMA, Checkout

from optimus_ops.project.settings import load_project
from optimus_ops.secrets import provision
from optimus_ops.secrets.paths import SecretsPaths


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout.make(tmp_path / "checkout", FULL_SCHEMA)
    provision.ensure(SecretsPaths.of(load_project(made.root)))
    return made


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return what puts a value on standard input."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))

    return give
