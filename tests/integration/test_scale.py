"""`invoke scale` on a real engine, seen through the balancer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import docker
import pytest
from tests.integration.platform import Platform

pytestmark = pytest.mark.integration


def test_every_replica_answers_through_the_balancer(platform: Platform) -> None:
    platform.invoke("scale", "--ai-engine", "3").check()
    seen = {platform.chat()[1]["X-Served-By"] for _ in range(24)}
    assert len(seen) == len(platform.replicas("ai-engine")) == 3


def test_a_scale_that_changes_nothing_says_so_and_touches_nothing(platform: Platform) -> None:
    count = len(platform.replicas("ai-engine"))
    before = platform.containers()
    document = platform.invoke("scale", "--ai-engine", str(count), "--json").check().json
    assert document["result"] == "nothing to do"
    assert platform.containers() == before


def test_scaling_up_recreates_nothing_and_resets_no_other_service(platform: Platform) -> None:
    platform.invoke("scale", "--memory-engine", "2").check()
    before = platform.containers()
    platform.invoke("scale", "--ai-engine", "4").check()
    after = platform.containers()
    assert before.items() <= after.items()
    assert len(platform.replicas("memory-engine")) == 2


def test_scaling_down_lets_requests_in_flight_end(platform: Platform) -> None:
    platform.invoke("scale", "--ai-engine", "4").check()
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(platform.chat, "embedded/6000") for _ in range(12)]
        platform.invoke("scale", "--ai-engine", "2").check()
        assert [answer.result()[0] for answer in answers] == [200] * 12
    assert len(platform.replicas("ai-engine")) == 2


def test_the_balancer_check_counts_every_replica_of_every_service(platform: Platform) -> None:
    document = platform.invoke("lb.check", "--json").check().json
    found = {service["service"]: service for service in document["services"]}
    assert set(found) == {"ai-engine", "backend-orchestrator", "memory-engine"}
    assert all(len(service["seen"]) == len(platform.replicas(name)) for name, service in found.items())


def test_the_balancer_check_fails_when_a_replica_is_frozen(platform: Platform) -> None:
    platform.invoke("scale", "--backend-orchestrator", "2").check()
    [first, _second] = sorted(platform.replicas("backend-orchestrator"))
    container = docker.from_env().containers.get(first)
    container.pause()
    try:
        ran = platform.invoke("lb.check", "--service", "backend-orchestrator")
    finally:
        container.unpause()
    assert ran.code == 1
    assert first in ran.text or "no answer" in ran.text


def test_the_plan_is_printed_and_nothing_is_changed(platform: Platform) -> None:
    before = platform.containers()
    ran = platform.invoke("scale", "--ai-engine", "9", "--plan").check()
    assert "start ai-engine=9" in ran.out
    assert platform.containers() == before


def test_a_session_is_continued_by_whichever_replica_answers(platform: Platform) -> None:
    platform.invoke("scale", "--ai-engine", "3").check()
    replies = [platform.chat(text=f"turn {n}", session="it-session") for n in range(6)]
    assert len({headers["X-Served-By"] for _status, headers, _body in replies}) > 1
    assert [status for status, _headers, _body in replies] == [200] * 6


def test_memory_engine_is_not_reachable_from_the_host_s_ports(platform: Platform) -> None:
    lines = platform.compose("ps", "--format", "{{.Name}} {{.Ports}}").check().out.splitlines()
    published = [line for line in lines if "->" in line]
    assert [line.split()[0] for line in published] == [f"{platform.project}-nginx-lb-1"]
    assert "->8050" not in published[0]


def test_no_secret_is_ever_printed(platform: Platform) -> None:
    secrets = [platform.secret(n) for n in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "TENANT_ACME_API_KEY")]
    said = "".join(
        platform.invoke(*words).text
        for words in (
            ["scale", "--json"],
            ["status"],
            ["doctor"],
            ["logs", "--no-follow"],
            ["scale", "--plan", "--json"],
        )
    )
    assert not [secret for secret in secrets if secret in said]


def test_the_operator_s_file_is_private(platform: Platform) -> None:
    assert (platform.folder / "env.secrets").stat().st_mode & 0o777 == 0o600


def test_plain_compose_sees_the_same_stack(platform: Platform) -> None:
    names = platform.compose("ps", "-a", "--format", "{{.Name}}").check().out.split()
    assert set(names) == set(platform.containers())
