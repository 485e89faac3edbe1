"""Images of a workflow's services, as `invoke ci.run --plan` shows them; and `invoke ci.list`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes.engine import FakeEngine
from tests.unit.ci.conftest import Checkout

from optimus_ops.ci import service_images
from optimus_ops.ci.execute import run_workflow
from optimus_ops.ci.listing import list_workflows
from optimus_ops.ci.run_request import RunRequest
from optimus_ops.ci.service_images import make_images
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.errors import RegistryFailed
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console

WORKFLOW = """
on: {push: {}, workflow_call: {inputs: {where: {type: string, required: true}}}}
jobs:
  store:
    runs-on: ubuntu-24.04
    services: {store: {image: "IMAGE"}}
    steps: [{run: "true"}]
"""
RECIPE = {"compose/airgap/redis/Dockerfile": "FROM scratch\n"}
Plan = Callable[..., str]


class Offline(FakeEngine):
    """An engine whose registries don't answer."""

    def registry_digest(self, name: str) -> str:
        raise RegistryFailed(f"{name}: no route to host", 500)


@pytest.fixture
def plan(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plan:
    """Return what plans a workflow with a service on an engine, and gives what is printed."""

    def run(engine: FakeEngine, image: str = "redis:8", files: dict[str, str] | None = None, **request: Any) -> str:
        root = checkout({".github/workflows/ci.yml": WORKFLOW.replace("IMAGE", image), **(files or {})})
        monkeypatch.setenv("OPTIMUS_ROOT", str(root))
        monkeypatch.setattr(DockerEngine, "connect", lambda: engine)
        run_workflow(RunRequest("ci", plan=True, **request))
        shown = capsys.readouterr()
        return shown.out + shown.err

    return run


def test_an_image_that_is_here_or_can_be_pulled_is_taken(plan: Plan) -> None:
    here = Offline()
    here.add_image("redis:8")
    assert "optimus-standin" not in plan(here)
    online = FakeEngine(registry={"redis:8": "sha256:1"})
    assert "optimus-standin" not in plan(online)


def test_without_a_registry_a_fallback_image_takes_its_place(plan: Plan) -> None:
    assert "optimus-standin/redis:8" in plan(Offline(), files=RECIPE)
    made = Offline()
    made.add_image("optimus-standin/redis:8")
    assert "optimus-standin/redis:8" in plan(made)


@pytest.mark.parametrize(
    ("image", "missing"), [("redis:8", "optimus-standin/redis:8"), ("grafana/grafana:13", "grafana/grafana:13")]
)
def test_a_plan_says_that_a_run_would_end_for_want_of_an_image(plan: Plan, image: str, missing: str) -> None:
    shown = plan(Offline(), image)
    assert (
        f"a run would end here: no image registry answers, and these images of services are not here: {missing}"
        in shown
    )


def test_a_plan_says_that_a_run_would_be_refused_without_its_inputs(plan: Plan) -> None:
    online = FakeEngine(registry={"redis:8": "sha256:1"})
    assert "note: a run would be refused" in plan(online, event="workflow_call")
    assert "refused" not in plan(online, event="push")


def test_only_images_that_the_project_has_recipes_of_are_made(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr(DockerEngine, "connect", Offline)
    monkeypatch.setattr(
        service_images, "ensure_fallbacks", lambda _engine, _project, images, _show: made.append(images)
    )
    project = load_project(checkout(RECIPE), {})
    console = Console.standard()
    make_images(project, ["optimus-standin/nginx:1.30"], console)
    make_images(project, ["optimus-standin/nginx:1.30", "optimus-standin/redis:8"], console)
    assert made == [["optimus-standin/redis:8"]]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"secrets": ("NOT_THERE",)}, "the environment has no such variable"),
        ({"replace": ("owner/repository=/nowhere",)}, "no such folder"),
        ({"matrix": ("=3",)}, "name=value is expected"),
        ({"event": "missing.json"}, "missing.json"),
    ],
)
def test_what_a_run_can_not_use_is_refused_by_its_flag(plan: Plan, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        plan(FakeEngine(registry={"redis:8": "sha256:1"}), **request_)


def test_workflows_are_listed_with_their_events_and_jobs(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPTIMUS_ROOT", str(checkout({".github/workflows/ci.yml": f"name: Tests{WORKFLOW}"})))
    list_workflows(json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split(maxsplit=1) == ["ci", "push, workflow_call"]
    assert second.strip() == "jobs: store"
    list_workflows(json=True)
    [found] = json.loads(capsys.readouterr().out)["workflows"]
    assert found == {
        "workflow": "ci",
        "file": ".github/workflows/ci.yml",
        "name": "Tests",
        "events": ["push", "workflow_call"],
        "jobs": ["store"],
    }
