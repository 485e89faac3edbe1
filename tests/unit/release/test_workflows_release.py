"""The workflows of a release and of a deploy: what a dry run and a pull request can't reach."""

from __future__ import annotations

from typing import Any

import yaml
from tests.unit.repository import CHECKOUT


def jobs(name: str) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((CHECKOUT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))
    found: dict[str, dict[str, Any]] = document["jobs"]
    return found


def test_a_dry_run_writes_nothing() -> None:
    writing = {name: job for name, job in jobs("release").items() if "write" in job["permissions"].values()}
    assert set(writing) == {"publish", "announce"}
    assert {job["if"] for job in writing.values()} == {"github.event_name == 'push'"}
    assert all("environment" in job for job in writing.values())


def test_nothing_is_published_before_it_was_tried() -> None:
    found = jobs("release")
    assert found["required"]["needs"] == ["build", "try"]
    assert found["publish"]["needs"] == "required"
    assert found["announce"]["needs"] == "publish"


def test_the_index_is_given_no_token() -> None:
    found = jobs("release")["publish"]
    assert found["permissions"] == {"id-token": "write"}
    assert "secrets." not in str(found)


def test_a_pull_request_reaches_no_secret_and_no_runner_of_an_environment() -> None:
    planned, deployed = jobs("deploy")["plan"], jobs("deploy")["deploy"]
    assert "secrets." not in str(planned)
    assert "vars." not in str(planned)
    assert "environment" not in planned
    assert planned["if"] == "github.event_name == 'pull_request'"
    assert "pull_request" not in deployed["if"]


def test_the_operator_s_secrets_are_in_no_command_line() -> None:
    steps = jobs("deploy")["deploy"]["steps"]
    assert [step["id"] for step in steps if "secrets." in str(step)] == ["checkout"]
    assert not any("secrets." in step.get("run", "") for step in steps)
