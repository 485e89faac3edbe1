"""The workflow of images publishes what it has tried, attests just that, and only from main."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml
from tests.unit.repository import CHECKOUT

JOBS: dict[str, Any] = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "images.yml").read_text("utf-8"))["jobs"]


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = JOBS[job]["steps"]
    return found


def test_what_is_published_went_through_every_step_of_a_trial() -> None:
    tried, published = steps("image"), steps("publish")
    assert published[: len(tried)] == tried
    assert [step["name"] for step in published[len(tried) :]] == [
        "Log in to the registry",
        "Push",
        "Attest what it was built from",
    ]


def test_the_statement_is_about_the_digest_that_was_pushed() -> None:
    push, attest = steps("publish")[-2:]
    assert push["id"] == "push"
    assert attest["with"] == {
        "subject-name": "${{ steps.push.outputs.name }}",
        "subject-digest": "${{ steps.push.outputs.digest }}",
        "push-to-registry": True,
    }


def test_only_the_job_that_publishes_from_main_may_write() -> None:
    writing = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writing == {"publish"}
    assert "github.event_name == 'push'" in JOBS["publish"]["if"]
    assert "github.event_name != 'push'" in JOBS["image"]["if"]


@pytest.mark.parametrize("job", ["image", "publish"])
def test_the_images_are_those_that_the_change_needs(job: str) -> None:
    assert JOBS[job]["strategy"]["matrix"] == {"image": "${{ fromJSON(needs.plan.outputs.images) }}"}
    assert JOBS["plan"]["outputs"]["images"] == "${{ steps.affected.outputs.images }}"


def test_rules_and_bounds_are_about_services_that_exist() -> None:
    table = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["optimus-ops"]
    built = {path.parent.name for path in (CHECKOUT / "services").glob("*/requirements.txt")}
    assert table["affected"]["images"].keys() == built
    assert table["images"]["largest"].keys() == built
