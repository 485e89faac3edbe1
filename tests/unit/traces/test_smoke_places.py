"""Where the smoke test of traces finds everything in a stack, and what it sees of the services there."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.clock import FakeClock
from tests.support.ports import free_ports
from tests.unit.traces.fake_platform import ORDER, PROBES, FakePlatform, running

from optimus_ops.errors import OpsError, Refused
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import Replica, State
from optimus_ops.project.settings import load_project
from optimus_ops.traces.smoke.command import SmokeRequest
from optimus_ops.traces.smoke.command import smoke as smoke_task
from optimus_ops.traces.smoke.execute import SmokeTest
from optimus_ops.traces.smoke.places import PlaceFlags, Places, find_places
from optimus_ops.traces.smoke.probe import ProbeSet, load_probes
from optimus_ops.traces.smoke.service_facts import count_spans, describe_services
from optimus_ops.traces.store import StoreFailed

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://alloy:4318"}


def replica(service: str, environ: Mapping[str, str] | None = None, **given: Any) -> Replica:
    values: dict[str, Any] = {
        "id": service,
        "name": f"shop-{service}-1",
        "service": service,
        "number": 1,
        "image": "",
        "image_id": "",
        "status": "running",
        "health": None,
        "hostname": "",
        "addresses": {"shop": "127.0.0.1"},
        "started_at": None,
        "exit_code": 0,
        "node": "",
        "environment": environ or {},
        **given,
    }
    return Replica(**values)


def stack(*changed: Replica, without: tuple[str, ...] = ()) -> State:
    names = ("edge", "web", "worker", "alloy", "tempo", "loki")
    replicas = {name: replica(name, ENDPOINT if name in {"web", "worker"} else {}) for name in names}
    replicas |= {each.service: each for each in changed}
    return State("shop", tuple(each for name, each in replicas.items() if name not in without))


def places(state: State, adding: str = "invoke scale --watched", **flags: Any) -> Places:
    return find_places(PlaceFlags(**flags), {}, lambda: state, "edge", adding)


def test_places_are_the_containers_of_the_stack() -> None:
    published = replica("edge", published=(PublishedPort("0.0.0.0", 18080, 80),))
    found = places(stack(published))
    assert str(found.targets(ORDER)) == "http://127.0.0.1:18080"
    assert str(found.traces.address) == "http://127.0.0.1:3200"
    assert str(found.collector.address) == "http://127.0.0.1:4318"
    assert found.logs is not None
    assert str(found.logs.address) == "http://127.0.0.1:3100"


def test_a_port_that_is_not_published_is_asked_inside() -> None:
    assert str(places(stack()).targets(ORDER)) == "http://127.0.0.1"


@pytest.mark.parametrize("without", [("tempo",), ("alloy",), ("alloy", "tempo", "loki")])
def test_a_stack_without_the_overlay_is_refused_with_the_command(without: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        places(stack(without=without))
    assert "invoke scale --watched" in str(refused.value)


def test_a_project_without_an_overlay_of_stores_is_told_to_name_others() -> None:
    with pytest.raises(Refused) as refused:
        places(stack(without=("tempo", "alloy")), adding="")
    assert "invoke scale" not in str(refused.value)
    assert "--tempo URL --otlp URL" in str(refused.value)
    stopped = State("shop", tuple(replica(name, status="exited") for name in ("edge", "tempo", "alloy")))
    with pytest.raises(Refused, match="invoke up"):
        places(stopped, adding="")


def test_a_stack_that_does_not_run_is_refused() -> None:
    stopped = State("shop", tuple(replica(name, status="exited") for name in ("edge", "tempo", "alloy")))
    with pytest.raises(Refused, match="shop does not run"):
        places(stopped)


def test_a_stack_without_its_balancer_is_refused() -> None:
    with pytest.raises(Refused, match="edge"):
        places(stack(without=("edge",)))


def test_other_stores_do_for_a_stack_without_the_overlay() -> None:
    found = places(stack(without=("alloy", "tempo", "loki")), tempo="http://t:3200", otlp="http://c:4318")
    assert (str(found.traces.address), str(found.collector.address)) == ("http://t:3200", "http://c:4318")
    assert found.logs is None


def test_a_store_that_has_ended_is_a_finding_and_no_refusal() -> None:
    found = places(stack(replica("tempo", status="exited"), replica("alloy", status="exited")))
    assert found.collector.address is None
    with pytest.raises(StoreFailed, match="tempo does not run"):
        found.traces.traces()


def test_spans_are_counted_by_replica_and_the_growth_is_told() -> None:
    platform = FakePlatform(metrics='otel_spans_exported_total 5\notel_spans_dropped_total{reason="full"} 2 123\n')
    with running(platform):
        state, metrics = stack(replica("worker", {"OTEL_SDK_DISABLED": "true", **ENDPOINT})), {"web": platform.port}
        before = count_spans(state, metrics)
        platform.metrics = platform.metrics.replace(" 5", " 9")
        facts = describe_services(state, ("web", "worker", "gone"), before, count_spans(state, metrics))
    assert (facts["web"].exported, facts["web"].dropped) == (4.0, 0.0)
    assert [replica.endpoint for replica in facts["web"].replicas] == ["http://alloy:4318"]
    assert (facts["worker"].exported, facts["worker"].replicas[0].endpoint) == (None, "")
    assert facts["gone"].replicas == ()


def test_the_settings_of_each_replica_are_told() -> None:
    other = {**ENDPOINT, "OTEL_TRACES_SAMPLER": "Always_Off"}
    state = State("shop", (replica("web", ENDPOINT), replica("web", {}, id="web-2"), replica("web", other, id="web-3")))
    found = describe_services(state, ("web",), {}, {})["web"].replicas
    assert [(each.endpoint, each.sampler) for each in found] == [
        ("http://alloy:4318", ""),
        ("", ""),
        ("http://alloy:4318", "always_off"),
    ]


@pytest.mark.parametrize(
    ("environ", "cause"),
    [
        ({}, "exporter off"),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, "exporter off"),
        ({**ENDPOINT, "OTEL_TRACES_SAMPLER": "always_off"}, "wrong sampling"),
    ],
)
def test_variables_of_a_service_tell_why_its_spans_are_missing(environ: dict[str, str], cause: str) -> None:
    platform = FakePlatform(lost={"worker"})
    with running(platform):
        there = platform.places()
        seen = Places(there.traces, there.logs, there.collector, there.targets, stack(replica("worker", environ)))
        result = SmokeTest(seen, ProbeSet((ORDER,)), 2.0, clock=FakeClock()).run()
    found = result.probes[0].diagnosis
    assert found is not None
    assert (found.hop, found.cause.value) == ("worker process orders", cause)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose module has the probes of the fake platform."""
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "shop"\ntrace-probes = "shop_traces"\n')
    (tmp_path / "tasks.py").touch()
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose" / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / "shop_traces.py").write_text(
        "from tests.unit.traces.fake_platform import PROBES\n\ndef probes(root, secrets):\n    return PROBES\n"
    )
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_the_task_needs_no_engine_where_every_place_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    platform = FakePlatform()
    with running(platform):
        here = f"http://127.0.0.1:{platform.port}"
        smoke_task(SmokeRequest(PlaceFlags(here, here, here, (here,)), 20.0), json=False)
    assert "2 of 2 requests are traced whole" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("flag", ["tempo", "otlp", "loki"])
def test_an_address_where_nobody_listens_ends_it_before_anything_is_sent(flag: str) -> None:
    platform = FakePlatform()
    with running(platform):
        here = f"http://127.0.0.1:{platform.port}"
        given = {"tempo": here, "otlp": here, "loki": here, flag: f"http://127.0.0.1:{free_ports(1)[0]}"}
        with pytest.raises(OpsError, match=rf"--{flag} \S+ does not answer: connection refused") as failed:
            smoke_task(SmokeRequest(PlaceFlags(**given, target=(here,)), 600.0), json=False)
    assert (failed.value.exit_code, platform.requests) == (1, [])


@pytest.mark.usefixtures("project")
def test_a_host_that_is_unknown_ends_it_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def resolve(host: str, *words: Any, **more: Any) -> Any:
        if host == "no-such-store":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    platform = FakePlatform()
    with running(platform):
        here = f"http://127.0.0.1:{platform.port}"
        flags = PlaceFlags("http://no-such-store:3200", here, here, (here,))
        with pytest.raises(OpsError, match="--tempo http://no-such-store:3200 does not answer: Name or service"):
            smoke_task(SmokeRequest(flags, 600.0), json=False)
    assert platform.requests == []


@pytest.mark.usefixtures("project")
def test_a_target_of_a_service_that_no_request_is_for_is_refused() -> None:
    here = "http://127.0.0.1:9"
    targets = (f"web={here}", f"wep={here}")
    with pytest.raises(Refused, match="--target wep") as refused:
        smoke_task(SmokeRequest(PlaceFlags(here, here, here, targets), 1.0), json=False)
    assert "requests are for: web" in str(refused.value)


def test_a_target_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(Refused, match="no user and password") as refused:
        places(stack(), target=("web=http://me:hidden@web",))
    assert "hidden" not in str(refused.value)


def test_with_other_stores_a_stack_that_does_not_run_needs_none_of_its_own() -> None:
    with pytest.raises(Refused) as refused:
        places(State("shop", ()), tempo="http://t:3200", otlp="http://c:4318")
    assert "--target URL" in str(refused.value)
    assert "--watched" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("", "says no requests"),
        ('trace-probes = "no_such_module"', "no module no_such_module"),
        ('trace-probes = "json"', "has no function probes"),
    ],
)
def test_a_project_without_usable_probes_is_refused(project: Path, setting: str, text: str) -> None:
    (project / "pyproject.toml").write_text(f'[tool.optimus-ops]\nname = "shop"\n{setting}\n')
    with pytest.raises(Refused, match=text):
        load_probes(load_project())


def test_a_project_whose_keys_are_missing_is_told_how_to_make_them(project: Path) -> None:
    (project / "shop_traces.py").write_text(
        "from optimus_ops.traces.smoke.probe import ProbeSet\n\ndef probes(root, secrets):\n    return ProbeSet(())\n"
    )
    (project / "other_traces.py").write_text((project / "shop_traces.py").read_text())
    (project / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "shop"\ntrace-probes = "other_traces"\n')
    with pytest.raises(OpsError) as refused:
        load_probes(load_project())
    assert "invoke secrets.init" in str(refused.value)
    assert PROBES.services == ("web", "worker")
