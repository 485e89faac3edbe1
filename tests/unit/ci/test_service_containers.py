"""Service containers of a job as a Compose file, and the steps that start and stop them."""

import socket
from pathlib import Path

import pytest
import yaml

from optimus_ops.ci.actions import Checkout
from optimus_ops.ci.ci_plan import plan_run
from optimus_ops.ci.model import Job, ServiceContainer
from optimus_ops.ci.service_containers import check_free, compose_document, same_ports, with_service_steps
from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.errors import Refused
from optimus_ops.project.yaml_nodes import YamlError


def service(**values: object) -> Job:
    return Job("test", 3, services=(ServiceContainer("db", "postgres:18", 5, **values),))  # type: ignore[arg-type]


def test_a_service_becomes_one_of_compose() -> None:
    job = service(
        environment={"POSTGRES_PASSWORD": "a$b"},
        ports=("5432:5432", "53:53/udp"),
        volumes=("data:/data",),
        options='--health-cmd "pg_isready -U $POSTGRES_USER" --health-interval=2s --health-retries 5',
    )
    found = compose_document(job, "w.yml", {"postgres:18": "local/postgres:17"}, "run-1")["services"]["db"]
    assert found["image"] == "local/postgres:17"
    assert found["environment"] == {"POSTGRES_PASSWORD": "a$$b"}
    assert found["ports"] == ["127.0.0.1:5432:5432", "127.0.0.1:53:53/udp"]
    assert found["healthcheck"] == {
        "test": ["CMD-SHELL", "pg_isready -U $$POSTGRES_USER"],
        "interval": "2s",
        "retries": 5,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ports": ("5432",)}, "w.yml:5: service 'db': port 5432 would be published at one that GitHub chooses"),
        ({"options": "--privileged"}, "option --privileged has no counterpart"),
        ({"environment": {"A": "${{ secrets.A }}"}}, "${{ secrets.A }} is known on GitHub only"),
    ],
)
def test_what_has_no_counterpart_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(YamlError) as raised:
        compose_document(service(**values), "w.yml", {}, "run-1")
    assert message in str(raised.value)


FORMS = """
on: push
jobs:
  test:
    runs-on: x
    steps:
      - run: a
        env: {B: c}
      # end
      - run: |
          d
          e
---
on: push
jobs:
  test:
    steps:
    - uses: a/b@c
      with:
        d: e
    runs-on: x
  other: {runs-on: x, steps: [{run: z}]}
---
on: push
jobs:
  test:
    runs-on: x
    steps:
      - {run: a}
      - {run: b}

  other: {runs-on: x, steps: [{run: c}]}
---
on: push
jobs:
  other: {runs-on: x, steps: [{run: z}]}
  test:
    runs-on: x
    steps:
      -   run: a"""


@pytest.mark.parametrize("text", FORMS.split("---\n"))
def test_steps_are_added_at_both_ends_and_nothing_else_changes(text: str) -> None:
    changed = with_service_steps(text, {"test": ("up 'now'", "down")})
    before, after = (parse_workflow(found, Path("w.yml"), "w.yml") for found in (text, changed))
    steps = after.job("test").steps
    assert [(steps[0].run, steps[-1].run, steps[-1].condition)] == [("up 'now'", "down", "always()")]
    assert [(step.uses, step.run) for step in steps[1:-1]] == [
        (step.uses, step.run) for step in before.job("test").steps
    ]
    plain = yaml.safe_load(changed)
    plain["jobs"]["test"]["steps"] = plain["jobs"]["test"]["steps"][1:-1]
    assert plain == yaml.safe_load(text)


def test_steps_in_brackets_are_refused() -> None:
    text = "on: push\njobs:\n  test: {runs-on: x, steps: [{run: a}]}\n"
    with pytest.raises(YamlError, match="its steps in brackets"):
        with_service_steps(text, {"test": ("up", "down")})


def test_jobs_that_publish_the_same_port_do_not_run_at_once() -> None:
    first, second = service(ports=("5432:5432",)), service(ports=("5433:5432",))
    assert same_ports((first, first))
    assert not same_ports((first, second))


def test_a_service_whose_port_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = f"{{db: {{image: none, ports: ['{port}:1']}}}}"
        job = f"{{runs-on: x, services: {service}, steps: [{{run: a}}]}}"
        workflow = parse_workflow(f"on: push\njobs: {{a: {job}}}", tmp_path / "w.yml", "w.yml")
        plan = plan_run(workflow, Checkout(tmp_path), event="push")
        with pytest.raises(Refused, match=f"port {port} is in use, which service 'db' of job 'a' needs"):
            check_free(plan.leaves)
    check_free(plan.leaves)
