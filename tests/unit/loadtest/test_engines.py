from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.arrivals import arrivals
from optimus_ops.loadtest.engines.choose import worker_start
from optimus_ops.loadtest.engines.k6 import k6_document
from optimus_ops.loadtest.engines.locust import locust_command
from optimus_ops.loadtest.generator.spec import GeneratorSpec, read_spec
from optimus_ops.loadtest.model import Flow, LoadPlatform, RequestClass
from optimus_ops.loadtest.records import FlowKey

HERE = Path()
FLOWS = (Flow(FlowKey("chat", "acme"), (Stage(0, 5),)), Flow(FlowKey("dashboard"), users=5, pause=2.0))
SECRET = f"acme-{'k' * 24}"


def spec(worker: int = 0, workers: int = 1, flows: tuple[Flow, ...] = FLOWS) -> GeneratorSpec:
    bases = {"chat": "http://127.0.0.1:8010", "dashboard": "http://127.0.0.1:8020"}
    return GeneratorSpec(bases, flows, 10.0, 30.0, 20, worker, workers, data={"keys": {"acme": SECRET}})


def platform() -> LoadPlatform:
    return LoadPlatform((), (), HERE, Path("locustfile.py"), Path("load.js"), RequestClass("chat", "ai-engine", 8010))


def test_a_generator_reads_what_a_run_wrote(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec(1, 2).document()))
    assert read_spec(path) == spec(1, 2)


@pytest.mark.parametrize("engine", ["locust", "k6"])
def test_keys_are_in_no_argument(engine: str, tmp_path: Path) -> None:
    start = worker_start(engine, spec(), platform(), tmp_path)
    assert SECRET not in " ".join([*start.command, *start.environ.values()])
    assert SECRET in json.dumps(start.document)


def test_a_value_does_not_show_its_keys() -> None:
    assert SECRET not in repr(spec())


def test_workers_of_locust_share_users_and_have_connections_for_arrivals() -> None:
    commands = [locust_command(spec(number, 2), HERE) for number in (0, 1)]
    assert [dict(pairwise(words))["--users"] for words in commands] == [str(20 + 3), str(20 + 2)]


def test_each_tenant_has_connections_of_its_own(tmp_path: Path) -> None:
    flows = (*FLOWS, Flow(FlowKey("chat", "globex"), (Stage(0, 1),)), Flow(FlowKey("stream", "acme"), (Stage(0, 2),)))
    assert dict(pairwise(locust_command(spec(flows=flows), HERE)))["--users"] == str(2 * 20 + 5)
    files = [json.loads(Path(path).read_text()) for path in k6_document(spec(flows=flows), tmp_path)["arrivals"]]
    assert [{flows[index].key.tenant for _at, index, _number in due} for due in files] == [{"acme"}, {"globex"}]


def test_k6_is_told_the_same_arrivals(tmp_path: Path) -> None:
    document = k6_document(spec(), tmp_path)
    [path] = document["arrivals"]
    told = json.loads(Path(path).read_text())
    due = list(arrivals(FLOWS, 10.0))
    assert [(at, number) for at, _flow, number in told] == [(round(each.at, 6), each.number) for each in due]
    assert {flow for _at, flow, _number in told} == {0}


def test_workers_of_k6_share_users(tmp_path: Path) -> None:
    users = [[flow["users"] for flow in k6_document(spec(number, 2), tmp_path)["flows"]] for number in (0, 1)]
    assert users == [[0, 3], [0, 2]]


def test_more_arrivals_than_k6_can_hold_are_refused(tmp_path: Path) -> None:
    flows = (Flow(FlowKey("chat", "acme"), (Stage(0, 200_000),)),)
    with pytest.raises(Refused, match="at most 1,000,000"):
        k6_document(spec(flows=flows), tmp_path)
    assert not list(tmp_path.iterdir())
