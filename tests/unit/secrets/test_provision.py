"""First run and later ones."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from tests.unit.secrets.samples import EXAMPLE, GENERATED, TENANTS, Checkout

from optimus_ops.errors import Refused
from optimus_ops.secrets import provision
from optimus_ops.secrets.dotenv import parse
from optimus_ops.secrets.plan import SecretsPlan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.make(tmp_path / "checkout")


def values(checkout: Checkout) -> dict[str, str]:
    document = parse(checkout.secrets_file.read_text("utf-8"), ".env.secrets")
    return {key: value.reveal() for key, value in document.values.items()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_checkout_gets_a_private_file_with_strong_different_values(checkout: Checkout) -> None:
    outcome = provision.ensure(checkout.paths)

    assert outcome.create
    assert sorted(outcome.generate) == sorted(GENERATED)
    assert outcome.empty_optional == ("OPENAI_API_KEYS",)
    assert mode(checkout.secrets_file) == 0o600
    made = values(checkout)
    assert len({made[key] for key in GENERATED}) == len(GENERATED)
    assert all(len(made[key]) >= 43 for key in GENERATED)
    assert made["OPENAI_API_KEYS"] == ""


def test_each_service_gets_what_it_may_read_and_nothing_else(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)

    made = values(checkout)
    acl = f"user default on #{hashlib.sha256(made['REDIS_PASSWORD'].encode()).hexdigest()} ~* &* +@all\n"
    assert checkout.projected() == {
        "postgres/POSTGRES_PASSWORD": made["POSTGRES_PASSWORD"],
        "migrations/POSTGRES_PASSWORD": made["POSTGRES_PASSWORD"],
        "redis/REDIS_PASSWORD": made["REDIS_PASSWORD"],
        "redis/users.acl": acl,
        "redis-cache/REDIS_PASSWORD": made["REDIS_PASSWORD"],
        "redis-cache/users.acl": acl,
        "ai-engine/REDIS_PASSWORD": made["REDIS_PASSWORD"],
        "ai-engine/TENANT_ACME_API_KEY": made["TENANT_ACME_API_KEY"],
        "ai-engine/TENANT_GLOBEX_API_KEY": made["TENANT_GLOBEX_API_KEY"],
        "backend-orchestrator/TENANT_ACME_API_KEY": made["TENANT_ACME_API_KEY"],
        "backend-orchestrator/TENANT_GLOBEX_API_KEY": made["TENANT_GLOBEX_API_KEY"],
    }
    assert mode(checkout.secrets_dir) == 0o700
    assert {mode(path) for path in checkout.secrets_dir.iterdir() if path.is_dir()} == {0o755}
    assert {mode(path) for path in checkout.secrets_dir.glob("*/*")} == {0o444}


def test_run_again_it_changes_nothing(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    before = {path: path.stat().st_mtime_ns for path in (checkout.secrets_file, *checkout.secrets_dir.glob("*/*"))}

    outcome = provision.ensure(checkout.paths)

    assert outcome.nothing_to_do
    assert provision.plan(checkout.paths).nothing_to_do
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_plan_says_what_is_then_done_and_writes_nothing(checkout: Checkout) -> None:
    planned = provision.plan(checkout.paths)
    assert not checkout.secrets_file.exists()
    assert not checkout.secrets_dir.exists()

    outcome = provision.ensure(checkout.paths)

    assert planned == outcome


def test_a_copy_of_the_template_is_filled_in(checkout: Checkout) -> None:
    checkout.write_secrets(EXAMPLE)

    outcome = provision.ensure(checkout.paths)

    assert not outcome.create
    assert sorted(outcome.generate) == sorted(GENERATED)


def test_what_the_operator_wrote_stays_and_new_platform_keys_are_added(checkout: Checkout) -> None:
    mine = "# my notes\nPOSTGRES_PASSWORD='pa$1wor$D'\n\nOPENAI_API_KEYS=sk-a,sk-b\nTENANT_ACME_API_KEY=k\n"
    checkout.write_secrets(mine)

    outcome = provision.ensure(checkout.paths)

    text = checkout.secrets_file.read_text("utf-8")
    assert text.startswith(mine)
    assert sorted(outcome.generate) == ["REDIS_PASSWORD", "TENANT_GLOBEX_API_KEY"]
    assert "# API key of tenant globex.\nTENANT_GLOBEX_API_KEY=" in text
    assert checkout.projected()["postgres/POSTGRES_PASSWORD"] == "pa$1wor$D"
    assert checkout.projected()["ai-engine/OPENAI_API_KEYS"] == "sk-a,sk-b"


def test_a_new_tenant_gets_a_key_and_a_departed_one_loses_its_files(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    checkout.tenants_file.write_text("tenants: {acme: {}, initech: {}}\n", "utf-8")

    outcome = provision.ensure(checkout.paths)

    assert outcome.generate == ("TENANT_INITECH_API_KEY",)
    names = {name.partition("/")[2] for name in checkout.projected()}
    assert "TENANT_INITECH_API_KEY" in names
    assert "TENANT_GLOBEX_API_KEY" not in names
    assert "TENANT_GLOBEX_API_KEY" in values(checkout)


def test_only_files_that_differ_are_rewritten(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    tampered = checkout.secrets_dir / "postgres" / "POSTGRES_PASSWORD"
    tampered.chmod(0o600)
    leftover = checkout.secrets_dir / "postgres" / ".POSTGRES_PASSWORD.00.tmp"
    leftover.write_text("half", "utf-8")

    outcome = provision.ensure(checkout.paths)

    assert (*outcome.write, *outcome.remove) == ("postgres/POSTGRES_PASSWORD", "postgres/.POSTGRES_PASSWORD.00.tmp")
    assert mode(tampered) == 0o444
    assert not leftover.exists()


def test_a_service_whose_secrets_are_all_empty_still_has_its_folder(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout", "# @consumers=erp\nERP_API_KEY=\n", TENANTS)

    provision.ensure(checkout.paths)

    assert list((checkout.secrets_dir / "erp").iterdir()) == []


def test_a_file_that_is_open_to_others_is_found_and_closed(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    checkout.secrets_file.chmod(0o644)

    assert [finding.subject for finding in provision.validate(checkout.paths)] == [".env.secrets"]
    assert provision.ensure(checkout.paths).tighten
    assert mode(checkout.secrets_file) == 0o600
    assert provision.validate(checkout.paths) == ()


def test_a_missing_and_a_malformed_secret_are_refused_together_by_name(tmp_path: Path) -> None:
    example = f"# @required @consumers=a\nLICENCE=\n\n{EXAMPLE}"
    checkout = Checkout.make(tmp_path / "checkout", example)
    checkout.write_secrets("OPENAI_API_KEYS=canary\n")

    with pytest.raises(Refused) as refused:
        provision.ensure(checkout.paths)

    assert "LICENCE is missing: set LICENCE in .env.secrets" in str(refused.value)
    assert "OPENAI_API_KEYS is malformed" in str(refused.value)
    assert "canary" not in str(refused.value)
    assert checkout.secrets_file.read_text("utf-8") == "OPENAI_API_KEYS=canary\n"
    with pytest.raises(Refused, match="LICENCE is missing"):
        provision.plan(checkout.paths)


def test_a_key_that_nothing_reads_is_an_error_with_its_line_and_a_guess_and_stops_nothing(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    with checkout.secrets_file.open("a", encoding="utf-8") as stream:
        stream.write("OPENAI_API_KEY=sk-mistyped\n")

    (finding,) = provision.validate(checkout.paths)

    assert (finding.subject, finding.severity) == ("OPENAI_API_KEY", "error")
    assert finding.line == len(checkout.secrets_file.read_text("utf-8").splitlines())
    assert provision.ensure(checkout.paths).nothing_to_do
    assert "OPENAI_API_KEYS" in finding.hint


def test_a_file_that_git_keeps_is_found(checkout: Checkout) -> None:
    provision.ensure(checkout.paths)
    subprocess.run(["git", "init", "-q", checkout.root], check=True)
    subprocess.run(["git", "-C", checkout.root, "add", "-f", ".env.secrets"], check=True)

    (finding,) = provision.validate(checkout.paths)

    assert finding.problem == "is tracked by git"


@pytest.mark.parametrize(
    ("tenants", "word"),
    [
        ("tenants: [acme]\n", "expected a mapping"),
        ("tenants:\n  acme: {\n", "line 3: not valid YAML"),
        ("tenants: {ACME: {}}\n", "malformed tenant name 'ACME'"),
    ],
)
def test_a_malformed_tenants_file_is_refused(checkout: Checkout, tenants: str, word: str) -> None:
    checkout.tenants_file.write_text(tenants, "utf-8")

    with pytest.raises(Refused, match=word):
        provision.ensure(checkout.paths)


def test_a_project_without_tenants_has_no_tenant_keys(checkout: Checkout) -> None:
    checkout.tenants_file.unlink()

    assert provision.ensure(checkout.paths).generate == ("POSTGRES_PASSWORD", "REDIS_PASSWORD")


def test_runs_at_the_same_time_agree_on_one_set_of_values(checkout: Checkout) -> None:
    outcomes: list[SecretsPlan] = []
    threads = [threading.Thread(target=lambda: outcomes.append(provision.ensure(checkout.paths))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [outcome.create for outcome in outcomes].count(True) == 1
    assert len(outcomes) == 4
    assert checkout.projected()["postgres/POSTGRES_PASSWORD"] == values(checkout)["POSTGRES_PASSWORD"]
