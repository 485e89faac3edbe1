"""`invoke contracts.generate` as a change: planned, written, and undone where it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimus_ops.change.options import ChangeOptions
from optimus_ops.contracts.check import check_contracts
from optimus_ops.contracts.generate import ContractWriter, WriteContract, generate_offers, plan_generate
from optimus_ops.errors import OpsError, Refused, WouldChange
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.render import plan_text
from optimus_ops.text.console import Progress

APPLICATION = """
class App:
    def openapi(self):
        return {"openapi": "3.1.0", "info": {"title": "Shop", "version": "4.2"}, "paths": {PATHS}}

def build_app():
    return App()
"""
OFFER, NEEDS = "services/shop/contract/offers.json", "services/shop/contract/needs.json"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one service that has a contract without files."""
    (tmp_path / "tasks.py").touch()
    (tmp_path / "docker-compose.yml").write_text("name: shopping\nservices: {}\n")
    (tmp_path / "services/shop/contract").mkdir(parents=True)
    offer(tmp_path, "{}")
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    monkeypatch.delenv("OPTIMUS_STATE_DIR", raising=False)
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    return tmp_path


def offer(root: Path, paths: str) -> None:
    package = root / "services/shop/src/shop"
    package.mkdir(parents=True, exist_ok=True)
    (package / "app.py").write_text(APPLICATION.replace("{PATHS}", paths))


def test_missing_files_are_written_and_then_there_is_nothing_to_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_offers(ChangeOptions())
    assert json.loads((root / OFFER).read_text())["info"] == {"title": "Shop", "version": "0"}
    assert (root / NEEDS).read_text() == "{}\n"
    capsys.readouterr()
    generate_offers(ChangeOptions(json=True))
    document = json.loads(capsys.readouterr().out)
    assert document["result"] == "nothing to do"
    assert document["state"] == {"services": ["shop"]}
    check_contracts(json=False)


def test_a_plan_names_files_and_causes_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate_offers(ChangeOptions(plan=True))
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "shopping: contracts",
        f"   1. write {OFFER}  (there is none yet)",
        f"   2. write {NEEDS}   (there is none yet)",
    ]
    with pytest.raises(WouldChange):
        generate_offers(ChangeOptions(plan=True, detailed_exitcode=True))
    assert not (root / OFFER).exists()


def test_a_list_of_needs_that_exists_is_kept_and_a_changed_offer_is_written_anew(root: Path) -> None:
    (root / NEEDS).write_text("{ }")
    generate_offers(ChangeOptions())
    offer(root, '{"/pay": {}}')
    with pytest.raises(OpsError, match="is out of date"):
        check_contracts(json=False)
    generate_offers(ChangeOptions())
    assert "/pay" in (root / OFFER).read_text()
    assert (root / NEEDS).read_text() == "{ }"
    journals = sorted((root / ".optimus/journal").iterdir())
    assert [json.loads(path.read_text().splitlines()[0])["plan"]["purpose"] for path in journals] == ["contracts"] * 2


def test_what_was_written_is_undone_where_a_later_file_fails(root: Path) -> None:
    old = root / OFFER
    old.write_text("old")
    (root / "services/bank").mkdir()
    (root / "services/bank/contract").write_text("a file where the folder should be")
    texts = {OFFER: "new", NEEDS: "{}\n", "services/bank/contract/offers.json": "new"}
    plan = plan_generate("shopping", root, texts)
    assert "(the sources changed)" in plan_text(plan)
    writer = ContractWriter(root, texts)
    for step in plan.steps[:2]:
        assert not writer.applied(step)
        writer.carry_out(step, Progress(step.text))
        assert writer.applied(step)
    with pytest.raises(OpsError, match=r"write services/bank/contract/offers\.json"):
        writer.carry_out(plan.steps[2], Progress("third"))
    writer.undo(Progress("undo"))
    assert old.read_text() == "old"
    assert not (root / NEEDS).exists()


def test_an_undo_that_fails_is_reported(root: Path) -> None:
    writer = ContractWriter(root, {OFFER: "new"})
    writer.carry_out(WriteContract(path=OFFER, cause=Cause("test")), Progress("write"))
    (root / OFFER).unlink()
    (root / OFFER).mkdir()
    with pytest.raises(OpsError, match=r"offers\.json"):
        writer.undo(Progress("undo"))


def test_a_project_without_contracts_is_refused(root: Path) -> None:
    (root / "services/shop/contract").rmdir()
    with pytest.raises(Refused, match="no service here has a contract"):
        generate_offers(ChangeOptions())
