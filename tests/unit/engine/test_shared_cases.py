"""The cases that Docker answers alike, with the fake engine: what is proven on it holds on a real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.compose import FakeCompose
from tests.fakes.containers import Behaviour
from tests.fakes.engine import FakeEngine
from tests.shared_engine_cases import CASES, JOB_CODE, Subject, model

from optimus_ops.project.settings import load_project
from optimus_ops.system.process import Completed


@pytest.mark.parametrize("case", CASES)
def test_the_fake_engine(case: str, tmp_path: Path) -> None:
    engine = FakeEngine(
        behaviours={
            "web": Behaviour(healthy_after=None, drains=0.1),
            "stubborn": Behaviour(healthy_after=None, drains=None),
            "job": Behaviour(healthy_after=None, exits_after=0.1, exit_code=JOB_CODE),
        }
    )
    engine.add_image("shop/web:1")
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})
    compose = FakeCompose(
        project,
        (),
        engine=engine,
        model=model("shop", "shop/web:1"),
        job=lambda _service, command: Completed(tuple(command), JOB_CODE, "", ""),
    )
    changed = replace(compose, model=model("shop", "shop/web:1", "sleep 60"))
    CASES[case](Subject(engine, compose, changed, "shop/web:1", lambda: engine.clock.sleep(1.0)))
