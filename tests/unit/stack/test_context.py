"""What a change sees of its stack: files that are missing or switched off, registries that are silent, new secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
from invoke.context import Context
from invoke.exceptions import Exit
from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine
from tests.fakes.shop import MODEL, Shop

from optimus_ops.change.journal import Journal
from optimus_ops.engine.errors import RegistryFailed
from optimus_ops.errors import Refused
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.step import Plan
from optimus_ops.rollout import tasks
from optimus_ops.rollout.scale import scale
from optimus_ops.stack.context import StackContext

SECRETS = "# @generate=token(32) @consumers=web\nTOKEN=\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a running shop that tasks find."""
    made = Shop.open(tmp_path)
    made.open_to_tasks(monkeypatch)
    scale(made.context(), ScaleRequest({"web": 2}), made.prober)
    made.process_ends()
    return made


def refused(capsys: pytest.CaptureFixture[str], task: Any, **flags: Any) -> tuple[int, str]:
    """Return the exit code of a task that is refused, and what it says."""
    with pytest.raises(Exit) as ended:
        task(Context(), plan=True, **flags)
    return ended.value.code, f"{ended.value.message}{capsys.readouterr().err}"


def test_what_runs_is_stopped_without_its_files(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.project.root / "docker-compose.yml").unlink()
    tasks.down(Context(), plan=True)
    shown = capsys.readouterr().out
    assert "! Compose files are missing\n  going by what runs" in shown
    assert "web" in shown.partition("going by what runs")[2]
    code, said = refused(capsys, tasks.deploy, service=["web"])
    assert code == 2
    assert "no Compose file" in said


def test_what_runs_is_stopped_where_its_files_do_not_parse(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_compose: FakeCompose) -> NoReturn:
        raise Refused("services.web: bad")

    monkeypatch.setattr(FakeCompose, "document", unreadable)
    tasks.down(Context(), plan=True)
    assert "! services.web: bad\n  going by what runs" in capsys.readouterr().out
    assert len(shop.ready("web")) == 2


@pytest.mark.usefixtures("shop")
def test_a_service_whose_profile_is_off_is_not_called_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCompose, "services", lambda _compose: (*MODEL["services"], "debug"))
    code, said = refused(capsys, tasks.deploy, service=["debug"])
    assert code == 2
    assert "debug belongs to a profile that is off" in said
    assert "COMPOSE_PROFILES" in said


def test_a_change_goes_on_from_where_a_killed_one_found_the_stack(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    context = StackContext.open((), shop.context().options)
    assert context.running_before() == {}
    plan = Plan("shop", "scale", ())
    command = ("invoke", "scale", "--web", "5")
    journal = Journal.begin(context.journal, plan, command=command, before={"web": {"running": 2}})
    del journal
    shop.process_ends()
    assert context.running_before() == {"web": 2}
    assert "(invoke scale --web 5) left the stack half-way; going on from there" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "obtainable"), [(None, False), (503, False), (401, True)])
def test_an_image_that_no_registry_can_give_is_refused_before_anything_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
    *,
    obtainable: bool,
) -> None:
    def silent(_engine: FakeEngine, name: str) -> NoReturn:
        raise RegistryFailed(f"no answer about {name}", status)

    made = Shop.open(tmp_path)
    made.open_to_tasks(monkeypatch)
    made.engine.untag("db:1")
    monkeypatch.setattr(FakeEngine, "registry_digest", silent)
    scaling = tasks.make_scale(["web"])
    if obtainable:
        scaling(Context(), plan=True, web="1")
        assert "pull the images of db" in capsys.readouterr().out
    else:
        code, said = refused(capsys, scaling, web="1")
        assert code in {2, 3}
        assert "db:1" in said


def test_secrets_that_are_still_to_be_made_are_part_of_the_plan(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.project.root / ".env.example").write_text(SECRETS, "utf-8")
    tasks.make_scale(["web"])(Context(), plan=True, web="3")
    assert "write secrets (1 generated)" in capsys.readouterr().out
    assert not shop.project.secrets_file.exists()
