"""The tasks that look and change nothing, on a running stack."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.integration.platform import ROOT, SECONDS, Platform
from tests.support.ports import free_ports

pytestmark = pytest.mark.integration


def test_status_counts_what_is_ready_and_what_the_stores_say(platform: Platform) -> None:
    document = platform.invoke("status", "--json").check().json
    found = {service["service"]: service for service in document["services"]}
    assert found["ai-engine"]["ready"] == len(platform.replicas("ai-engine"))
    [database] = found["postgres"]["stores"].values()
    assert 0 < database["used"] < database["usable"]
    assert "noeviction" in str(found["redis"]["stores"])


def test_status_of_an_empty_project_says_what_to_do(fresh: Platform) -> None:
    assert "invoke" in fresh.invoke("status").check().out


def test_logs_name_the_replica_on_each_line(platform: Platform) -> None:
    platform.chat()
    lines = platform.invoke("logs", "--service", "ai-engine", "--no-follow").check().out.splitlines()
    assert lines
    assert all(line.startswith("ai-engine-") for line in lines)


def test_doctor_finds_the_machine_fit(platform: Platform) -> None:
    checks = platform.invoke("doctor", "--json").check().json
    assert "engine" in str(checks)


def test_secrets_are_complete_and_private(platform: Platform) -> None:
    platform.invoke("secrets.validate").check()


def test_images_are_current_with_the_checkout(platform: Platform) -> None:
    rows = platform.invoke("images.list", "--json").check().json
    assert "ai-engine" in str(rows)


def test_the_end_to_end_tests_pass_on_the_stack_through_its_balancer(platform: Platform) -> None:
    environ = {name: value for name, value in platform.environ.items() if not name.startswith("OPTIMUS_E2E")}
    # The others start services of their own, and ran in the session of that name.
    files = sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "e2e").glob("test_*.py")
        if re.search(r"\bplatform: Platform", path.read_text("utf-8"))
    )
    assert files
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={
            **environ,
            "AI_ENGINE_URL": f"http://127.0.0.1:{platform.ai_port}",
            "BACKEND_ORCHESTRATOR_URL": f"http://127.0.0.1:{platform.backend_port}",
            "OPTIMUS_SECRETS_DIR": str(platform.folder / "state" / "secrets"),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "load balancer" in ran.stdout


def test_another_environment_of_the_shell_is_named_alike_by_every_task(platform: Platform) -> None:
    other = {"AI_ENGINE_PORT": str(free_ports(1)[0])}
    place = f"port 8010 is at 127.0.0.1:{platform.ai_port}, wanted is 127.0.0.1:{other['AI_ENGINE_PORT']}"
    checked = platform.invoke("lb.check", **other).check()
    assert f"http://127.0.0.1:{platform.ai_port}/health" in checked.out
    up = platform.invoke("up", **other).check()
    assert "nothing to do here, but:" in up.out
    scale = platform.invoke("scale", "--ai-engine", "3", "--plan", **other).check()
    status = platform.invoke("status", **other).check()
    deploy = platform.invoke("deploy", "ai-engine", "--plan", **other).check()
    for told in (checked, up, scale, status, deploy):
        [line] = [line for line in told.out.splitlines() if place in line]
        assert "apply it with: invoke down, then invoke up" in line
    refused = platform.invoke("deploy", **other)
    assert (refused.code, place in refused.text) == (2, True)
