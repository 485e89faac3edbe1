"""Changes that end on Docker as they end here, on the fake engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.compose import FakeCompose
from tests.fakes.containers import Behaviour
from tests.fakes.engine import FakeEngine
from tests.shared_rollout_cases import CASES, Subject, model

from optimus_ops.balancer.routing import Prober
from optimus_ops.project.settings import load_project

REPOSITORY = "shop/worker"


@pytest.mark.parametrize("case", CASES)
def test_on_the_fake_engine(case: str, tmp_path: Path) -> None:
    engine = FakeEngine(FakeClock(least=0.25))
    for number, tag in enumerate(("1", "2", "mute"), start=1):
        image = engine.add_image(f"{REPOSITORY}:{tag}", f"sha256:{number:012x}{0:052x}")
        engine.behaviours[image] = Behaviour(healthy_after=1e9 if tag == "mute" else 1.0)
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})
    compose = FakeCompose(project, (), engine=engine, model=model("shop", REPOSITORY))
    CASES[case](Subject(engine, compose, REPOSITORY, Prober(clock=engine.clock)))
