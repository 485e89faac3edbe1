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
SERVICES = {"ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker"}


@pytest.fixture(scope="module")
def observed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack, to which the tests below add the overlay, in their order."""
    folder = tmp_path_factory.mktemp("observed")
    made = Platform.fresh(folder, "observed", checkout).having(GRAFANA_PORT=str(free_ports(1)[0]))
    try:
        made.invoke("up").check()
        yield made
    finally:
        remove_everything(made.project)


def container(platform: Platform, service: str) -> Any:
    return docker.from_env().containers.get(f"{platform.project}-{service}-1")


def variables(platform: Platform, service: str) -> list[dict[str, str]]:
    """Return the environment of each replica of a service."""
    found = [docker.from_env().containers.get(i) for i in platform.replicas(service).values()]
    return [dict(line.split("=", 1) for line in replica.attrs["Config"]["Env"]) for replica in found]


def overlay_of(platform: Platform) -> set[str]:
    """Return the services of the overlay that run."""
    names = (name.removeprefix(f"{platform.project}-").rpartition("-")[0] for name in platform.containers())
    return {name for name in names if name in {*STORES, "grafana"}}


def smoke(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """Run trace-smoke-test; return its exit code and its document."""
    ran = platform.invoke("trace-smoke-test", "--json", *words)
    document: dict[str, Any] = ran.json
    return ran.code, document


def causes(document: dict[str, Any]) -> set[str]:
    return {probe["diagnosis"]["cause"] for probe in document["probes"]}


def test_without_it_the_smoke_test_of_traces_is_refused(observed: Platform) -> None:
    ran = observed.invoke("trace-smoke-test")
    assert (ran.code, "invoke scale --observability" in ran.text) == (2, True)


def test_it_starts_beside_what_runs_and_says_how_the_services_are_rolled_out(observed: Platform) -> None:
    before = observed.states()
    ran = observed.invoke("scale", "--observability").check()
    after = observed.states()
    assert {name: state for name, state in after.items() if name in before} == before
    assert overlay_of(observed) >= STORES
    for service in SERVICES:
        assert f"apply it with: invoke deploy {service}" in ran.text
    status = observed.invoke("status", "--json").check().json
    rows = {row["service"]: row for row in status["services"]}
    assert all(rows[name]["ready"] == 1 for name in STORES)


def test_nothing_of_it_is_stale_though_logs_and_journal_changed(observed: Platform) -> None:
    planned = observed.invoke("up", "--plan").check()
    assert not [name for name in overlay_of(observed) if f"! {name}:" in planned.text], planned.text


def test_services_without_an_exporter_are_named(observed: Platform) -> None:
    code, document = smoke(observed, "--within", "3")
    assert (code, causes(document)) == (1, {"exporter off"})
    hops = {probe["name"]: probe["diagnosis"]["hop"] for probe in document["probes"]}
    assert hops["chat"] == "ai-engine POST /v1/chat/completions"
    assert hops["webhook"] == "backend-orchestrator POST /webhooks/whatsapp"


def test_the_services_are_rolled_out_under_load_and_then_send_traces(observed: Platform) -> None:
    with Load(observed) as load:
        observed.invoke("deploy", "--observe", "0").check()
        load.go_on(20)
    load.assert_nothing_lost()
    for service in SERVICES:
        assert {env.get("OTEL_EXPORTER_OTLP_ENDPOINT") for env in variables(observed, service)} == {"http://alloy:4318"}
    assert overlay_of(observed) >= STORES


def test_a_request_is_shown_with_its_spans_and_its_lines(observed: Platform) -> None:
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {observed.secret('TENANT_ACME_API_KEY')}"}
    _status, answered, _body = observed.request("/v1/chat/completions", body, headers)
    trace_id = answered["X-Trace-Id"]

    def names() -> set[tuple[str, str]]:
        shown = observed.invoke("traces.show", trace_id, "--json")
        return {(span["service"], span["name"]) for span in shown.json["spans"]} if shown.code == 0 else set()

    wanted = ("ai-engine", "POST /v1/chat/completions")
    assert wait_until(lambda: wanted in names(), 30, poll=0.5), observed.invoke("traces.show", trace_id).text
    for asked in (trace_id, f"X-Trace-Id: {trace_id}", f"00-{trace_id}-00f067aa0ba902b7-01"):
        assert f"trace {trace_id}" in observed.invoke("traces.show", asked).check().out
    assert observed.invoke("traces.show", "--last").check().out.startswith("trace ")
    lines = observed.invoke("logs", "--trace", trace_id).check().out.splitlines()
    assert {line.split()[0].rstrip("-0123456789") for line in lines} >= {"ai-engine", "nginx-lb"}
    assert all(trace_id in line for line in lines)
    absent = observed.invoke("traces.show", f"{1:032x}")
    assert (absent.code, f"no trace {1:032x}" in absent.text) == (1, True)
    status = observed.invoke("status", "--json").check().json
    assert {line["subject"] for line in status["lines"]} >= {"traces", "logs"}


def test_each_request_is_one_whole_trace(observed: Platform, tmp_path: Path) -> None:
    if not overlay_of(observed):  # tried again alone
        observed.invoke("scale", "--observability").check()
        observed.invoke("deploy", "ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker").check()
    ran = observed.invoke("traces.smoke", "--within", "60", "--report", str(tmp_path)).check()
    assert "6 of 6 requests are traced whole" in ran.out
    assert (tmp_path / "trace-smoke-test.html").is_file()
    assert observed.secret("TENANT_ACME_API_KEY") not in ran.text


def test_every_query_of_dashboards_and_alerts_returns_data(observed: Platform) -> None:
    answers = answers_under_load(observed)
    assert all(answer.well for answer in answers), describe(answers)
    excused = [answer for answer in answers if answer.excuse]
    print(describe(excused))
    assert len(excused) <= len(LACKING) + 2


@pytest.mark.parametrize(
    ("lost", "cause"), [("alloy", "collector unreachable"), ("tempo", "store unreachable")], ids=["alloy", "tempo"]
)
def test_a_part_of_it_that_dies_costs_no_request(observed: Platform, lost: str, cause: str) -> None:
    with Load(observed) as load:
        found = container(observed, lost)
        # The engine would start it again at once.
        found.update(restart_policy={"Name": "no"})
        found.kill()
        load.go_on(150)
    load.assert_nothing_lost()
    code, document = smoke(observed, "--within", "3")
    assert (code, causes(document)) == (1, {cause})
    observed.invoke("up").check()
    assert overlay_of(observed) >= STORES


def test_new_replicas_start_while_all_of_it_is_gone(observed: Platform) -> None:
    for name in sorted(overlay_of(observed)):
        found = container(observed, name)
        found.update(restart_policy={"Name": "no"})
        found.kill()
    with Load(observed) as load:
        observed.invoke("deploy", "ai-engine", "--force", "--observe", "0").check()
        load.go_on(50)
    load.assert_nothing_lost()


def test_down_removes_it_and_leaves_what_was_kept(observed: Platform) -> None:
    observed.invoke("down").check()
    assert observed.containers() == {}
    labels = {"label": f"{PROJECT_LABEL}={observed.project}"}
    volumes = {volume.name for volume in docker.from_env().volumes.list(filters=labels)}
    assert volumes >= {f"{observed.project}_{name}-data" for name in STORES}
