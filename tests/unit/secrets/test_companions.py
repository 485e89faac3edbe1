"""Keys with a rotator, and the second valid value that they have while they are rotated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tests.unit.secrets.samples import EXAMPLE, Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused
from optimus_ops.secrets import commands, key_commands, provision
from optimus_ops.secrets.dotenv import parse
from optimus_ops.secrets.schema import parse_schema

ROTATED = EXAMPLE.replace(
    "@redis-acl=redis,redis-cache", "@redis-acl=redis,redis-cache @rotator=redis-password"
).replace("backend-orchestrator @required\n# TENANT", "backend-orchestrator @required @rotator=tenant-key\n# TENANT")


@pytest.fixture
def rotated(tmp_path: Path) -> Checkout:
    made = Checkout.make(tmp_path / "checkout", ROTATED)
    commands.init(ChangeOptions(), made.root)
    return made


def test_a_companion_goes_to_the_readers_of_its_key_and_stays_until_it_is_taken_away(rotated: Checkout) -> None:
    before = rotated.secrets_file.read_text("utf-8")
    assert "_SECONDARY" not in before
    rotated.write_secrets(f"{before}TENANT_ACME_API_KEY_SECONDARY=second\nREDIS_PASSWORD_SECONDARY=other\n")

    commands.init(ChangeOptions(), rotated.root)

    files = rotated.projected()
    assert {name for name in files if name.endswith("_SECONDARY")} == {
        *(f"{service}/TENANT_ACME_API_KEY_SECONDARY" for service in ("ai-engine", "backend-orchestrator")),
        *(f"{service}/REDIS_PASSWORD_SECONDARY" for service in ("ai-engine", "redis", "redis-cache")),
    }
    hashes = [hashlib.sha256(value.encode()).hexdigest() for value in (files["ai-engine/REDIS_PASSWORD"], "other")]
    assert files["redis/users.acl"] == f"user default on #{hashes[0]} #{hashes[1]} ~* &* +@all\n"
    assert rotated.secrets_file.read_text("utf-8").endswith("REDIS_PASSWORD_SECONDARY=other\n")

    rotated.write_secrets(before)
    commands.init(ChangeOptions(), rotated.root)

    assert not [name for name in rotated.projected() if name.endswith("_SECONDARY")]
    assert rotated.projected()["redis/users.acl"] == f"user default on #{hashes[0]} ~* &* +@all\n"


def test_a_companion_is_valid_where_it_is_and_missing_nowhere(rotated: Checkout) -> None:
    assert provision.validate(rotated.paths) == ()
    rotated.write_secrets(f"{rotated.secrets_file.read_text('utf-8')}POSTGRES_PASSWORD_SECONDARY=another-value\n")

    assert [finding.subject for finding in provision.validate(rotated.paths)] == ["POSTGRES_PASSWORD_SECONDARY"]


def test_the_list_names_the_rotator_and_a_companion_only_while_it_has_a_value(
    rotated: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    key_commands.show_list(json=True, root=rotated.root)
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["secrets"]}
    assert rows["TENANT_ACME_API_KEY"]["rotator"] == "tenant-key"
    assert rows["POSTGRES_PASSWORD"]["rotator"] == ""
    assert "TENANT_ACME_API_KEY_SECONDARY" not in rows

    rotated.write_secrets(f"{rotated.secrets_file.read_text('utf-8')}TENANT_ACME_API_KEY_SECONDARY=x\n")
    key_commands.show_list(json=True, root=rotated.root)
    assert "TENANT_ACME_API_KEY_SECONDARY" in {row["key"] for row in json.loads(capsys.readouterr().out)["secrets"]}


def test_what_services_only_send_has_no_companion(tmp_path: Path) -> None:
    made = Checkout.make(tmp_path / "checkout", EXAMPLE.replace("@pattern=sk", "@rotator=provider-key @pattern=sk"))

    assert not [key for key in provision.read_entries(made.paths) if key.endswith("_SECONDARY")]


def test_a_malformed_name_of_a_rotator_is_refused() -> None:
    with pytest.raises(Refused, match="line 2: malformed rotator name 'Tenant'"):
        parse_schema("# @consumers=web @rotator=Tenant\nKEY=\n", ".env.example")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A=1\nB=2\n", "A=1\n"),
        ("A=1\n\n# About B.\n# More.\nB=2\nC=3\n", "A=1\nC=3\n"),
        ("# Header.\nB=2\n", ""),
        ("# Of A.\nA=1\n", "# Of A.\nA=1\n"),
    ],
)
def test_a_line_goes_with_its_comments(text: str, left: str) -> None:
    assert parse(text, "file").without("B").render().reveal() == left
