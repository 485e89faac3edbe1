"""Workflow files in the shapes of large repositories: seen as GitHub's own parser sees them.

What that parser sees is recorded in tests/workflow_parser/seen.json; `nox -s workflow_parser` runs it and compares.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.unit.repository import CHECKOUT

from optimus_ops.ci.actions import Checkout
from optimus_ops.ci.ci_plan import default_event, plan_run
from optimus_ops.ci.matrix import read_matrix
from optimus_ops.ci.model import Job, Workflow
from optimus_ops.ci.plan_text import plan_json
from optimus_ops.ci.workflow_file import parse_workflow, read_workflow
from optimus_ops.project.yaml_nodes import YamlError, parse_yaml

FOLDER = CHECKOUT / "tests" / "workflow_parser"
SEEN: dict[str, dict[str, Any]] = json.loads((FOLDER / "seen.json").read_text("utf-8"))
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
REFUSED = sorted((FOLDER / "refused").glob("*.yml"))


def read(path: Path) -> Workflow:
    return parse_workflow(path.read_text("utf-8"), path, path.name)


def view(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "needs": list(job.needs),
        "uses": job.uses,
        "inherits": job.inherits_secrets,
        "services": [service.name for service in job.services],
        "steps": [step.uses or "run" for step in job.steps],
    }


def test_each_file_is_recorded() -> None:
    assert len(WORKFLOWS) >= 25
    assert SEEN.keys() == {path.name for path in (*WORKFLOWS, *REFUSED)}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_events_jobs_and_needs_are_those_that_github_sees(path: Path) -> None:
    workflow, seen = read(path), SEEN[path.name]
    assert sorted(workflow.triggers) == sorted(seen["events"])
    assert [view(job) for job in workflow.jobs] == [
        {key: value for key, value in job.items() if key != "strategy"} for job in seen["jobs"]
    ]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_matrices_have_the_values_that_github_reads(path: Path) -> None:
    for job, seen in zip(read(path).jobs, SEEN[path.name]["jobs"], strict=True):
        expected = read_matrix(
            parse_yaml(json.dumps(seen["strategy"], ensure_ascii=False), path.name) if seen["strategy"] else None
        )
        assert job.matrix == expected
        assert json.dumps(job.matrix.combinations) == json.dumps(expected.combinations)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_is_planned_with_all_its_jobs(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    shutil.copytree(FOLDER / "workflows", folder)
    workflow = read_workflow(folder / path.name, tmp_path)
    plan = plan_json(plan_run(workflow, Checkout(tmp_path), event=default_event(workflow)))
    assert sorted(job["id"] for job in plan["jobs"]) == sorted(job["id"] for job in SEEN[path.name]["jobs"])


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_what_github_refuses_is_refused_on_the_same_line(path: Path) -> None:
    lines = {error["line"] for error in SEEN[path.name]["errors"]} - {0}
    with pytest.raises(YamlError) as refused:
        plan_run(read(path), Checkout(path.parent), event=default_event(read(path)))
    assert refused.value.place.line in (lines or {refused.value.place.line})
