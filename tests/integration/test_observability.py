"""The observability overlay beside a running stack: added, rolled out, lost and removed, without losing a request.

Real Tempo, Loki and the like run where images can be had, stand-ins elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from scripts.dashboards.check import describe
from scripts.dashboards.standin import LACKING
from tests.integration.dashboard_load import answers_under_load
from tests.integration.load import Load
from tests.integration.platform import Platform, remove_everything
from tests.support.leftovers import PROJECT_LABEL
from tests.support.ports import free_ports

from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

STORES = {"alloy", "tempo", "loki", "prometheus"}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVICES = {"ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker"}


@pytest.fixture(scope="module")
def observed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack, which each test brings to where it begins: `bare`, `beside` or `sending`."""
    folder = tmp_path_factory.mktemp("observed")
    made = Platform.fresh(folder, "observed", checkout).having(GRAFANA_PORT=str(free_ports(1)[0]))
    try:
        made.invoke("up").check()
        yield made
    finally:
        remove_everything(made.project)


@pytest.fixture
def bare(observed: Platform) -> Platform:
    """Return the stack without the overlay, and with services that know nothing of it."""
    if overlay_states(observed) or senders(observed):
        observed.invoke("down").check()
    if not observed.containers():
        observed.invoke("up").check()
    return observed


@pytest.fixture
def beside(observed: Platform, request: pytest.FixtureRequest) -> Platform:
    """Return the stack with the overlay, to which no service sends anything."""
    if not overlay_of(observed) >= STORES or senders(observed):
        request.getfixturevalue("bare")
        observed.invoke("scale", "--observability").check()
    return observed


@pytest.fixture
def sending(observed: Platform, request: pytest.FixtureRequest) -> Platform:
    """Return the stack with the overlay, to which every service sends traces."""
    if not overlay_of(observed) >= STORES or senders(observed) != SERVICES:
        request.getfixturevalue("beside")
        observed.invoke("deploy", "--observe", "0").check()
    return observed


@pytest.fixture
def dead(observed: Platform, request: pytest.FixtureRequest) -> Platform:
    """Return the stack with senders and an overlay that has died."""
    if not overlay_states(observed) or senders(observed) != SERVICES:
        request.getfixturevalue("sending")
    for name in overlay_of(observed):
        kill(observed, name)
    return observed


def senders(platform: Platform) -> set[str]:
    """Return the services that send traces."""
    return {name for name in SERVICES if any(ENDPOINT in env for env in variables(platform, name))}


def container(platform: Platform, service: str) -> Any:
    return docker.from_env().containers.get(f"{platform.project}-{service}-1")


def variables(platform: Platform, service: str) -> list[dict[str, str]]:
    """Return the environment of each replica of a service."""
    found = [docker.from_env().containers.get(i) for i in platform.replicas(service).values()]
    return [dict(line.split("=", 1) for line in replica.attrs["Config"]["Env"]) for replica in found]


def overlay_states(platform: Platform) -> dict[str, str]:
    """Return the state of each container of the overlay, by its service."""
    states = {
        name.removeprefix(f"{platform.project}-").rpartition("-")[0]: state
        for name, (_id, state) in platform.states().items()
    }
    return {name: state for name, state in states.items() if name in {*STORES, "grafana"}}


def overlay_of(platform: Platform) -> set[str]:
    """Return the services of the overlay that run."""
    return {name for name, state in overlay_states(platform).items() if state == "running"}


def kill(platform: Platform, service: str) -> None:
    """Kill a part of the overlay, which the engine would start again at once."""
    found = container(platform, service)
    found.update(restart_policy={"Name": "no"})
    found.kill()


def smoke(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """Run trace-smoke-test; return its exit code and its document."""
    ran = platform.invoke("trace-smoke-test", "--json", *words)
    document: dict[str, Any] = ran.json
    return ran.code, document


def causes(document: dict[str, Any]) -> set[str]:
    return {probe["diagnosis"]["cause"] for probe in document["probes"]}


def test_without_it_the_smoke_test_of_traces_is_refused(bare: Platform) -> None:
    ran = bare.invoke("trace-smoke-test")
    assert (ran.code, "invoke scale --observability" in ran.text) == (2, True)


def test_it_starts_beside_what_runs_and_says_how_the_services_are_rolled_out(bare: Platform) -> None:
    before = bare.states()
    ran = bare.invoke("scale", "--observability").check()
    after = bare.states()
    assert {name: state for name, state in after.items() if name in before} == before
    assert overlay_of(bare) >= STORES
    for service in SERVICES:
        assert f"apply it with: invoke deploy {service}" in ran.text
    status = bare.invoke("status", "--json").check().json
    rows = {row["service"]: row for row in status["services"]}
    assert all(rows[name]["ready"] == 1 for name in STORES)


def test_nothing_of_it_is_stale_though_logs_and_journal_changed(beside: Platform) -> None:
    planned = beside.invoke("up", "--plan").check()
    assert not [name for name in overlay_of(beside) if f"! {name}:" in planned.text], planned.text


def test_services_without_an_exporter_are_named(beside: Platform) -> None:
    code, document = smoke(beside, "--within", "3")
    assert (code, causes(document)) == (1, {"exporter off"})
    hops = {probe["name"]: probe["diagnosis"]["hop"] for probe in document["probes"]}
    assert hops["chat"] == "ai-engine POST /v1/chat/completions"
    assert hops["webhook"] == "backend-orchestrator POST /webhooks/whatsapp"


def test_the_services_are_rolled_out_under_load_and_then_send_traces(beside: Platform) -> None:
    with Load(beside) as load:
        # An error as soon as ai-engine sends: two scrapes later there is a rate of it.
        beside.meanwhile("✓ drain", lambda _: beside.chat("none-such"), "deploy", "--observe", "0").check()
        load.go_on(20)
    load.assert_nothing_lost()
    for service in SERVICES:
        assert {env.get(ENDPOINT) for env in variables(beside, service)} == {"http://alloy:4318"}
    assert overlay_of(beside) >= STORES


def test_a_request_is_shown_with_its_spans_and_its_lines(sending: Platform) -> None:
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {sending.secret('TENANT_ACME_API_KEY')}"}
    _status, answered, _body = sending.request("/v1/chat/completions", body, headers)
    trace_id = answered["X-Trace-Id"]

    def names() -> set[tuple[str, str]]:
        shown = sending.invoke("traces.show", trace_id, "--json")
        return {(span["service"], span["name"]) for span in shown.json["spans"]} if shown.code == 0 else set()

    wanted = ("ai-engine", "POST /v1/chat/completions")
    assert wait_until(lambda: wanted in names(), 30, poll=0.5), sending.invoke("traces.show", trace_id).text
    for asked in (trace_id, f"X-Trace-Id: {trace_id}", f"00-{trace_id}-00f067aa0ba902b7-01"):
        assert f"trace {trace_id}" in sending.invoke("traces.show", asked).check().out
    assert sending.invoke("traces.show", "--last").check().out.startswith("trace ")
    lines = sending.invoke("logs", "--trace", trace_id).check().out.splitlines()
    assert {line.split()[0].rstrip("-0123456789") for line in lines} >= {"ai-engine", "nginx-lb"}
    assert all(trace_id in line for line in lines)
    absent = sending.invoke("traces.show", f"{1:032x}")
    assert (absent.code, f"no trace {1:032x}" in absent.text) == (1, True)
    status = sending.invoke("status", "--json").check().json
    assert {line["subject"] for line in status["lines"]} >= {"traces", "logs"}


def test_each_request_is_one_whole_trace(sending: Platform, tmp_path: Path) -> None:
    ran = sending.invoke("traces.smoke", "--within", "60", "--report", str(tmp_path)).check()
    assert "6 of 6 requests are traced whole" in ran.out
    assert (tmp_path / "trace-smoke-test.html").is_file()
    assert sending.secret("TENANT_ACME_API_KEY") not in ran.text


def test_every_query_of_dashboards_and_alerts_returns_data(sending: Platform) -> None:
    answers = answers_under_load(sending)
    assert all(answer.well for answer in answers), describe(answers)
    excused = [answer for answer in answers if answer.excuse]
    print(describe(excused))
    assert len(excused) <= len(LACKING) + 3


def test_its_parts_die_one_after_another_and_no_request_is_lost(sending: Platform) -> None:
    with Load(sending) as load:
        for lost, cause in (("alloy", "collector unreachable"), ("tempo", "store unreachable")):
            kill(sending, lost)
            code, document = smoke(sending, "--within", "3")
            assert (code, causes(document)) == (1, {cause})
    load.assert_nothing_lost()


def test_new_replicas_start_while_all_of_it_is_gone(dead: Platform) -> None:
    with Load(dead) as load:
        dead.invoke("deploy", "ai-engine", "--force", "--observe", "0").check()
        load.go_on(50)
    load.assert_nothing_lost()


def test_up_starts_it_again_and_requests_are_traced_whole(dead: Platform) -> None:
    dead.invoke("up").check()
    assert overlay_of(dead) >= STORES
    dead.invoke("trace-smoke-test", "--within", "60").check()


def test_down_removes_it_and_leaves_what_was_kept(sending: Platform) -> None:
    sending.invoke("down").check()
    assert sending.containers() == {}
    labels = {"label": f"{PROJECT_LABEL}={sending.project}"}
    volumes = {volume.name for volume in docker.from_env().volumes.list(filters=labels)}
    assert volumes >= {f"{sending.project}_{name}-data" for name in STORES}
