from pathlib import Path

import pytest

from optimus_kit.secrets import MissingSecret, SecretFolder


def test_a_secret_is_read_without_surrounding_white_space(tmp_path: Path) -> None:
    (tmp_path / "REDIS_PASSWORD").write_text(" s3cret\n")
    assert SecretFolder(tmp_path).get("REDIS_PASSWORD") == "s3cret"


def test_an_empty_file_and_a_missing_folder_mean_no_secret(tmp_path: Path) -> None:
    (tmp_path / "EMPTY").write_text("\n")
    assert SecretFolder(tmp_path).get("EMPTY") is None
    assert SecretFolder(tmp_path / "none").get("EMPTY") is None
    assert SecretFolder(tmp_path / "none").names() == ()


def test_a_missing_required_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSecret, match="DASHBOARD_TOKEN is missing or empty"):
        SecretFolder(tmp_path).require("DASHBOARD_TOKEN")


def test_only_secrets_are_listed(tmp_path: Path) -> None:
    for name in ("B_KEY", "A_KEY", "users.acl", ".hidden"):
        (tmp_path / name).write_text("x")
    assert SecretFolder(tmp_path).names() == ("A_KEY", "B_KEY")
