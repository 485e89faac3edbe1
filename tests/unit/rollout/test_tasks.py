"""The tasks, from the words of a command line to the plan that they print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit
from tests.fakes.shop import Shop

from optimus_ops.change.options import ChangeOptions
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout import tasks
from optimus_ops.rollout.scale import scale
from optimus_ops.stack.context import StackContext


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a running shop, which is what tasks open."""
    made = Shop.open(tmp_path)
    scale(made.context(), ScaleRequest({"web": 2}), made.prober)
    made.process_ends()

    def opened(_overlays: Sequence[str], options: ChangeOptions) -> StackContext:
        return made.context(plan=options.plan, json=options.json, detailed_exitcode=options.detailed_exitcode)

    monkeypatch.setattr(StackContext, "open", opened)
    monkeypatch.setattr(StackContext, "open_to_stop", opened)
    return made


def planned(shop: Shop, task: Any, **flags: Any) -> str:
    """Return what a task prints with `--plan`."""
    task(Context(), plan=True, **flags)
    return shop.printed.getvalue().rpartition("looking")[2] or shop.printed.getvalue()


def test_each_task_prints_its_plan_and_changes_nothing(shop: Shop) -> None:
    before = shop.snapshot()
    scaling = tasks.make_scale(["web", "worker"])
    assert "start web=3" in planned(shop, scaling, web="3")
    assert "start worker=2" in planned(shop, scaling, replicas=["worker=2"])
    assert "drain and stop" in planned(shop, scaling, down=True, prune_network=True)
    assert "nothing to do" in planned(shop, tasks.make_up())
    assert "drain and stop" in planned(shop, tasks.down)
    assert "run migrations" in planned(shop, tasks.migrate)
    assert "pin web to web:2" in planned(shop, tasks.deploy, service=["web"], image="2", surge="2")
    assert shop.snapshot() == before


def test_a_plan_is_a_document_and_an_exit_code_where_that_is_asked_for(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exit) as ended:
        tasks.deploy(Context(), service=["web"], image="2", plan=True, json=True, detailed_exitcode=True)
    assert ended.value.code == 10
    assert json.loads(capsys.readouterr().out)["result"] == "planned"
    with pytest.raises(Exit) as refused:
        tasks.rollback(Context(), service=["web"], plan=True)
    assert refused.value.code == 2
    assert shop.ready("web")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"prune_network": True}, "--prune-network goes with --down"),
        ({"down": True, "logs": True}, "--down stops everything"),
        ({"down": True, "web": "2"}, "--down stops everything"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    shop: Shop, capsys: pytest.CaptureFixture[str], flags: dict[str, Any], said: str
) -> None:
    with pytest.raises(Exit) as refused:
        tasks.make_scale(["web"])(Context(), **flags)
    assert refused.value.code == 2
    assert said in f"{refused.value.message}{capsys.readouterr().err}"
    assert len(shop.ready("web")) == 2


def test_the_logs_of_what_was_scaled_are_followed_afterwards(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[tuple[str, ...]] = []
    monkeypatch.setattr("optimus_ops.status.logs.follow", lambda services, **_options: followed.append(services))
    tasks.make_scale(["web"])(Context(), web="2", logs=True, plan=True)
    assert followed == []
    tasks.make_scale(["web"])(Context(), web="2", logs=True)
    assert followed == [("web",)]
    assert len(shop.ready("web")) == 2
