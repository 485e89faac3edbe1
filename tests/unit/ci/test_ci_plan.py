"""Plans of local runs."""

from pathlib import Path

import pytest

from optimus_ops.ci.actions import Checkout
from optimus_ops.ci.ci_plan import CiPlan, default_event, plan_run
from optimus_ops.ci.job_names import job_title
from optimus_ops.ci.model import Job
from optimus_ops.ci.plan_text import plan_json, plan_lines
from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.errors import OpsError, Refused

WORKFLOW = """
name: CI
on: [pull_request, push]
jobs:
  lint: {runs-on: ubuntu-24.04, steps: [{run: nox -s lint}]}
  test:
    needs: lint
    runs-on: "${{ matrix.os }}"
    strategy: {matrix: {os: [ubuntu-24.04, ubuntu-22.04], python: ["3.11", "3.13"]}}
    services: {db: {image: "postgres:18"}}
    steps: [{uses: actions/checkout@v7}, {uses: owner/other@v1}]
  mac: {runs-on: macos-15, steps: [{run: make}]}
  gate: {needs: [lint, test], if: always(), runs-on: ubuntu-24.04, steps: [{run: "true"}]}
"""


def planned(job: str = "", event: str = "push", text: str = WORKFLOW, **matrix: str) -> CiPlan:
    root = Path("/checkout")
    workflow = parse_workflow(text, root / ".github/workflows/ci.yml", "ci.yml")
    return plan_run(workflow, Checkout(root), event=event, job=job, matrix=matrix)


def test_all_jobs_are_planned_in_stages() -> None:
    plan = planned()
    assert [(entry.job.id, entry.stage) for entry in plan.jobs] == [("lint", 1), ("mac", 1), ("test", 2), ("gate", 3)]
    assert plan.labels == ("ubuntu-24.04", "ubuntu-22.04")
    assert [entry.runs for entry in plan.jobs] == [True, False, True, True]


def test_a_job_is_planned_with_what_it_needs_and_with_some_combinations() -> None:
    plan = planned("test", python="3.11", os="ubuntu-24.04")
    assert [entry.job.id for entry in plan.jobs] == ["lint", "test"]
    assert plan.jobs[1].combinations == ({"os": "ubuntu-24.04", "python": "3.11"},)


def test_the_plan_as_text_names_what_is_otherwise_than_on_github() -> None:
    text = "\n".join(plan_lines(planned(), {"postgres:18": "local/postgres:17"}))
    assert "test: test (ubuntu-24.04, 3.11), test (ubuntu-24.04, 3.13)" in text
    assert "service db: local/postgres:17 for postgres:18" in text
    assert "mac · not run here: wants macos-15" in text
    assert "owner/other@v1: not run here" in text
    assert "gate · after lint, test · if always()" in text


def test_the_plan_as_json() -> None:
    found = plan_json(planned())
    assert [job["id"] for job in found["jobs"]] == ["lint", "mac", "test", "gate"]
    assert found["jobs"][2]["matrix"][0] == {"os": "ubuntu-24.04", "python": "3.11"}
    assert found["jobs"][2]["services"] == {"db": "postgres:18"}
    assert [action["treatment"] for action in found["actions"]] == ["act", "not run"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"job": "tests"}, "ci has no job 'tests'\n  jobs: lint, test, mac, gate"),
        ({"event": "release"}, "ci.yml does not run on 'release'\n  events: pull_request, push"),
        ({"python": "3.9"}, "no job has python=3.9 in its matrix\n  values of python: 3.11, 3.13"),
        ({"color": "red"}, "no job has color=red in its matrix"),
    ],
)
def test_what_is_not_there_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(OpsError) as raised:
        planned(**change)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ("{runs-on: x, container: node:24, steps: [{run: a}]}", "job 'b' runs in container node:24"),
        ("{runs-on: x, steps: [{parallel: [{run: a}]}]}", "`parallel`: steps beside each other"),
        ("{runs-on: x, steps: [{run: a, background: true}]}", "`background`: steps beside each other"),
        ("{uses: o/r/.github/workflows/w.yml@v1}", "job 'b' calls o/r/.github/workflows/w.yml@v1, a workflow"),
    ],
)
def test_what_can_not_run_here_is_planned_and_refused_when_it_would_run(job: str, problem: str) -> None:
    text = f"on: push\njobs:\n  a: {{runs-on: x, steps: [{{run: a}}]}}\n  b: {job}\n"
    plan = planned(text=text)
    assert f"can't run here: .github/workflows/ci.yml:4: {problem}" in "\n".join(plan_lines(plan, {}))
    with pytest.raises(Refused, match="name other jobs with --job"):
        plan.check_possible()
    planned("a", text=text).check_possible()


def test_the_event_where_none_is_named() -> None:
    assert default_event(planned().workflow) == "push"
    scheduled = planned(
        event="schedule", text=WORKFLOW.replace("[pull_request, push]", "{schedule: [{cron: 0 0 * * *}]}")
    )
    assert default_event(scheduled.workflow) == "schedule"


def test_names_of_jobs_are_those_that_github_shows() -> None:
    values = {"os": "linux", "debug": True, "node": 24, "set": {"a": 1, "b": "x"}, "none": None}
    assert job_title(Job("t", 1), values) == "t (linux, true, 24, 1, x, )"
    assert job_title(Job("t", 1, name="T ${{ matrix.node }} ${{matrix.os}} ${{ matrix.x }}"), values) == (
        "T 24 linux ${{ matrix.x }}"
    )
    assert job_title(Job("t", 1), {}) == "t"
