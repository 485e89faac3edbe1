"""Which values output must not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.secrets.secret_parts import secret_parts, unmasked
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.values_to_mask import ValuesToMask

PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("DASHBOARD_TOKEN", "token,with,commas", {"token,with,commas"}),
        ("OPENAI_API_KEYS", "sk-first, sk-second", {"sk-first", "sk-second"}),
        ("OPENAI_API_KEYS_SECONDARY", "sk-third", {"sk-third"}),
        ("NETSUITE_PRIVATE_KEY", PEM, {"MC4CAQAwBQYDK2VwBCIEIA=="}),
        ("MEMORY_DB_PASSWORD", "user_b:0123456789abcdef", {"user_b:0123456789abcdef", "0123456789abcdef"}),
        ("SMTP_URL", "smtps://me:p%40ss@host:465", {"smtps://me:p%40ss@host:465", "p%40ss", "p@ss"}),
        ("ALERT_URL", "https://a/services/T0/B000/xyz", {"https://a/services/T0/B000/xyz", "/services/T0/B000/xyz"}),
        ("ACCOUNT", '{"a": ["0123456789abcdef", "x"]}', {'{"a": ["0123456789abcdef", "x"]}', "0123456789abcdef"}),
    ],
)
def test_parts_of_values_are_secret_too(key: str, value: str, parts: set[str]) -> None:
    assert set(secret_parts(key, value)) - {""} == parts


def test_all_files_of_a_checkout_count_also_malformed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPTIMUS_SECRETS_FILE", "OPTIMUS_STATE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".env.secrets").write_text("A=value-of-a\nTENANT_ACME_API_KEY_SECONDARY=value-of-b\n")
    (tmp_path / ".env.secrets.staging").write_text("A=value-of-staging\nA=twice-in-staging\nB_KEYS='k1-long,k2-long\n")
    (tmp_path / ".env.secrets.0123.tmp").write_text("A=value-left-behind\n")
    (tmp_path / ".env.secrets.gpg").write_bytes(b"\x85\x01")
    for name, text in {
        "rotations/rot-1/old": "value-in-rotation",
        "rotations/rot-1/record.json": '{"a": "no-secret-at-all"}',
        "secret-versions/.env.secrets.000001": '{"file": "x"}\nA=former-value\n',
    }.items():
        (tmp_path / ".optimus" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".optimus" / name).write_text(text)
    files = ValuesToMask(tmp_path)
    assert {"value-in-rotation", "former-value"} <= set(files.values())
    assert "no-secret-at-all" not in files.values()
    assert {"value-of-a", "value-of-b", "value-of-staging", "twice-in-staging", "k1-long", "value-left-behind"} <= set(
        files.values()
    )
    before = files.version()
    (tmp_path / ".env.secrets").write_text("A=another-value\n")
    assert files.version() != before
    assert "another-value" in files.values()


def test_a_checkout_without_secrets_has_none(tmp_path: Path) -> None:
    assert list(ValuesToMask(tmp_path).values()) == []


def test_values_that_are_too_short_are_named() -> None:
    values = {"A": "1234567", "B": "12345678", "C": "", "D_KEYS": "12345678,1", "E": PEM}
    assert unmasked({key: Secret(value) for key, value in values.items()}) == ("A", "D_KEYS")
