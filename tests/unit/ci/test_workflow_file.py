"""Workflow files as values."""

from pathlib import Path

import pytest

from optimus_ops.ci.job_order import job_stages, with_needs
from optimus_ops.ci.model import Workflow
from optimus_ops.ci.workflow_file import find_workflow, parse_workflow, read_workflow
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.yaml_nodes import YamlError

STEPS = "runs-on: ubuntu-24.04, steps: [{run: make}]"


def workflow(text: str) -> Workflow:
    return parse_workflow(text, Path("w.yml"), "w.yml")


def jobs(**bodies: str) -> Workflow:
    return workflow("on: push\njobs:\n" + "".join(f"  {name}: {{{body}}}\n" for name, body in bodies.items()))


def test_all_that_a_plan_shows_is_read() -> None:
    found = workflow(
        """
name: Tests
on: {push: {branches: [main]}, pull_request: , schedule: [{cron: "0 3 * * 1"}]}
concurrency: {group: a, cancel-in-progress: true}
jobs:
  build:
    name: Build ${{ matrix.python }}
    runs-on: [self-hosted, linux]
    strategy: {matrix: {python: ["3.11", "3.13"]}}
    services:
      redis: redis-image
    steps: [{run: make}]
  test:
    needs: build
    if: github.event_name == 'push'
    runs-on: {group: big, labels: [x64]}
    environment: {name: production, url: "https://example.com"}
    container: {image: "node:24"}
    timeout-minutes: 5
    services:
      db:
        image: postgres:18
        env: {POSTGRES_PASSWORD: pass, PORT: 5432}
        ports: ["5432:5432", 80]
        options: --health-cmd x
    steps:
      - uses: actions/checkout@v7
      - {name: Run them, run: "make test\\nmake more", continue-on-error: true}
  call:
    uses: ./.github/workflows/other.yml
    secrets: inherit
""".replace("redis-image", "{image: redis}")
    )
    build, test, call = found.jobs
    assert (found.name, found.triggers) == ("Tests", ("push", "pull_request", "schedule"))
    assert [values["python"] for values in build.matrix.combinations] == ["3.11", "3.13"]
    assert (build.runs_on, build.line) == (("self-hosted", "linux"), 7)
    assert (test.needs, test.condition, test.environment) == (("build",), "github.event_name == 'push'", "production")
    assert (test.runs_on, test.container, test.timeout_minutes) == (("big", "x64"), "node:24", "5")
    assert test.services[0].environment == {"POSTGRES_PASSWORD": "pass", "PORT": "5432"}
    assert test.services[0].ports == ("5432:5432", "80")
    assert [step.title for step in test.steps] == ["Run actions/checkout@v7", "Run them"]
    assert [step.continue_on_error for step in test.steps] == [False, True]
    assert call.uses == "./.github/workflows/other.yml"


@pytest.mark.parametrize("text", ["on: push", "on: [push]", "on: {push: }", '"on": push'])
def test_triggers_in_all_forms(text: str) -> None:
    assert workflow(f"{text}\njobs: {{a: {{{STEPS}}}}}").triggers == ("push",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs: {a: {}}", "w.yml:1:1: a workflow has a key `on`"),
        ("on: push", "a workflow has a key `jobs`"),
        ("on: push\njobs: {}", "w.yml:2:7: a workflow has at least one job"),
        ("on: push\njobs: [a]", "w.yml:2:7: a mapping is expected here"),
        ("on: push\njob: {}", "a workflow has no key 'job'\n  did you mean 'jobs'?"),
        ("- a", "a mapping is expected here"),
        ("", "a mapping is expected here"),
        (f"on: push\njobs: {{1a: {{{STEPS}}}}}", "bad job id '1a'"),
        ("on: push\njobs: {a: {runs-on: x}}", "job 'a' has neither `uses` nor both `runs-on` and `steps`"),
        ("on: push\njobs: {a: {run-on: x, steps: []}}", "job 'a' has no key 'run-on'\n  did you mean 'runs-on'?"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: y}]}}", "w.yml:2:32: a step has either `run` or `uses`"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: y, uses: z}]}}", "a step has either `run` or `uses`"),
        ("on: push\njobs: {a: {runs-on: x, steps: {run: y}}}", "a list is expected here"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: [y]}]}}", "a text is expected here"),
        (f"on: push\njobs: {{a: {{{STEPS}, services: {{db: {{}}}}}}}}", "service 'db' has no `image`"),
    ],
)
def test_a_malformed_workflow_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(YamlError) as raised:
        workflow(text)
    assert message in str(raised.value)


def test_stages_are_the_longest_way_from_a_job_without_needs() -> None:
    found = jobs(gate=f"needs: [e2e, lint], {STEPS}", lint=STEPS, e2e=f"needs: build, {STEPS}", build=STEPS)
    assert [[job.id for job in stage] for stage in job_stages(found, "w.yml")] == [["lint", "build"], ["e2e"], ["gate"]]
    assert with_needs(found, ["e2e"]) == {"e2e", "build"}


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        ({"a": f"needs: b, {STEPS}"}, "w.yml:3: job 'a' needs 'b', which is no job\n  jobs: a"),
        ({"a": f"needs: a, {STEPS}"}, "jobs need each other in a circle: a needs a"),
        ({"a": f"needs: b, {STEPS}", "b": f"needs: a, {STEPS}"}, "in a circle: "),
    ],
)
def test_needs_that_can_not_be_met(bodies: dict[str, str], message: str) -> None:
    with pytest.raises(YamlError) as raised:
        job_stages(jobs(**bodies), "w.yml")
    assert message in str(raised.value)


def test_a_workflow_is_found_by_name_file_name_and_path(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "e2e-tests.yaml").write_text("on: push")
    for name in ("e2e-tests", "e2e-tests.yaml", ".github/workflows/e2e-tests.yaml"):
        assert find_workflow(tmp_path, name) == folder / "e2e-tests.yaml"
    with pytest.raises(Refused, match=r"no workflow 'e2e-test'\n  did you mean e2e-tests\?"):
        find_workflow(tmp_path, "e2e-test")
    with pytest.raises(Refused, match=r"no workflow 'x'\n  workflows: none in .github/workflows"):
        find_workflow(tmp_path / "none", "x")


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OpsError, match=r"w\.yml can't be read"):
        read_workflow(tmp_path / "w.yml", tmp_path)
