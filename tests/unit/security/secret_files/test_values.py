"""Values that are worth little are named by their keys, and never shown."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from optimus_ops.project.settings import load_project
from optimus_ops.secrets.retired import RetiredValues
from optimus_ops.secrets.value import Secret
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.secret_files.source import SecretSource
from optimus_ops.security.secret_files.values import check_file_values

SCHEMA = """\
# @generate=token(32) @consumers=web
OWN_KEY=
# @type=keys @consumers=web @max-age=30d
PROVIDER_API_KEYS=
# @type=key @consumers=web
STRIPE_KEY=
# @type=url @consumers=web
MAIL_URL=
# @consumers=web
ANY=
"""
GOOD = "k7Qz-" + "vR2mXw9LbT4nYc"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPTIMUS_SECRETS_FILE", raising=False)
    (tmp_path / ".env.example").write_text(SCHEMA)
    return tmp_path


def look(root: Path, **files: str) -> list[ScanFinding]:
    for name, text in files.items():
        path = root / (".env.secrets" if name == "shared" else f".env.secrets.{name}")
        path.write_text(text)
    found = list(check_file_values(SecretSource.read(load_project(root))).findings)
    for text in files.values():
        for line in text.splitlines():
            value = line.partition("=")[2]
            assert len(value) < 6 or value not in repr(found)
    return found


def rules(root: Path, **files: str) -> list[tuple[str, str]]:
    return [(finding.rule, finding.identity) for finding in look(root, **files)]


def test_good_values_have_no_finding(root: Path) -> None:
    text = f"OWN_KEY={secrets.token_urlsafe(32)}\nPROVIDER_API_KEYS={GOOD}-1,{GOOD}-2\nMAIL_URL=smtp://mail.example\nANY=\n"
    assert rules(root, shared=text) == []


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "change_me_now",
        "xxxxxxxx",
        "your-api-key",
        "sk-your-key",
        "example-key",
        "put-it-here",
        "<token>",
        "demo-key",
    ],
)
def test_placeholders_are_found_also_among_several_keys(value: str, root: Path) -> None:
    assert rules(root, shared=f"PROVIDER_API_KEYS={GOOD},{value}\n") == [("placeholder", "PROVIDER_API_KEYS")]


@pytest.mark.parametrize(
    "value", ["kT7-", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnopqrstuvwxyz", "k7Qzk7Qzk7Qzk7Qzk7Qz"]
)
def test_values_that_can_be_guessed_are_found(value: str, root: Path) -> None:
    assert rules(root, shared=f"ANY={value}\n") == [("weak", "ANY")]


def test_a_value_shorter_than_what_is_generated_is_found(root: Path) -> None:
    assert rules(root, shared=f"OWN_KEY={GOOD}\n") == [("not-generated", "OWN_KEY")]


def test_a_value_that_several_keys_have_is_found_once_with_their_names(root: Path) -> None:
    (found,) = look(root, shared=f"STRIPE_KEY={GOOD}\nANY={GOOD}\n")
    assert (found.rule, found.message) == ("shared", "STRIPE_KEY, ANY have the same value")


def test_a_value_of_production_in_another_environment_is_found(root: Path) -> None:
    assert rules(root, shared=f"ANY={GOOD}\n", staging=f"ANY={GOOD}\n") == [("reused", "ANY")]
    assert rules(root, shared=f"ANY={GOOD}\n", staging=f"ANY={GOOD}-other\n") == []


def test_keys_for_tests_are_found_where_production_reads_them(root: Path) -> None:
    key = "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc"
    assert rules(root, shared=f"STRIPE_KEY={key}\n") == [("test-key", "STRIPE_KEY")]
    assert rules(root, shared="", staging=f"STRIPE_KEY={key}\n") == []


def test_a_value_that_was_rotated_away_and_came_back_is_found(root: Path) -> None:
    RetiredValues(root / ".optimus").note("ANY", Secret(GOOD))
    assert rules(root, shared=f"ANY={GOOD}\n") == [("retired", "ANY")]


def test_a_value_older_than_it_may_be_is_found_with_its_line(root: Path) -> None:
    path = root / ".env.secrets"
    look(root, shared=f"ANY={GOOD}-1\nPROVIDER_API_KEYS={GOOD}\n")
    os.utime(path, (0, 0))
    (found,) = check_file_values(SecretSource.read(load_project(root))).findings
    assert (found.rule, found.place.line) == ("expired", 2)


def test_a_file_that_cannot_be_read_strictly_is_told_and_its_values_are_looked_for(root: Path) -> None:
    (root / ".env.secrets").write_text(f"export ANY={GOOD}\nANY={GOOD}\n")
    source = SecretSource.read(load_project(root))
    assert [finding.rule for finding in check_file_values(source).findings] == ["unreadable"]
    assert [(secret.key, secret.value.reveal()) for secret in source.secrets()] == [("ANY", GOOD)]
