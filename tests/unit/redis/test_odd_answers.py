"""Answers of another form, refusals in other words, servers of another kind: everything else is still looked at."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis._parsers.base import BaseParser
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from tests.unit.redis.loopback import HOST, MASTER, Loopback, Process, until

from optimus_ops.checks.model import Check
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import Address, Node
from optimus_ops.redis.observe_sentinel import observe_sentinel
from optimus_ops.redis.observe_server import observe_server, probe
from optimus_ops.redis.validate import document, table_text

Answers = dict[str, Any]
NODE = Node("one", Address("10.0.0.1", 6379), "state")
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", "-1", "1.5", "nan", "inf", "9" * 40, "9" * 5000, 7, -1, [], ["x"], [[]], 10**400]
)


class Recorder(Redis):
    """Keeps what is answered, as it comes, by command."""

    answers: Answers

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.asked = " ".join(map(str, args))
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        try:
            raw = connection.read_response(disable_decoding=NEVER_DECODE in options)
        except ResponseError as error:
            self.answers[self.asked] = error
            raise
        self.answers[self.asked] = copy.deepcopy(raw)
        read = self.response_callbacks.get(command_name)  # type: ignore[no-untyped-call]
        return read(raw, **options) if read else raw


class Replayed(Redis):
    """Answers what was recorded; nothing is sent."""

    answers: Answers

    def execute_command(self, *args: Any, **options: Any) -> Any:
        raw = copy.deepcopy(self.answers.get(" ".join(map(str, args)), "OK"))
        if isinstance(raw, Exception):
            raise raw
        read = self.response_callbacks.get(args[0])  # type: ignore[no-untyped-call]
        return read(raw, **options) if read else raw


def recorder(one: Process, answers: Answers) -> Redis:
    made = Recorder(host=HOST, port=one.port, decode_responses=True, protocol=2)
    made.answers = answers
    return made


def replayed(answers: Answers) -> Redis:
    made = Replayed(decode_responses=True, protocol=2)
    made.answers = answers
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answers, Answers, Answers]]:
    """What a master, its replica and a sentinel answered."""
    started = Loopback(tmp_path_factory.mktemp("redis"))
    try:
        options = ("latency-monitor-threshold", "1", "slowlog-log-slower-than", "0", "min-replicas-to-write", "1")
        master = started.server(*options)
        with master.client() as client:
            client.execute_command("DEBUG", "SLEEP", "0.02")
        replica = started.replica(master)
        watching = started.sentinel(master, quorum=1)
        with watching.client() as client:
            until(lambda: client.sentinel_slaves(MASTER))
        found: tuple[Answers, Answers, Answers] = ({}, {}, {})
        for one, answers in zip((master, replica), found, strict=False):
            assert not observe_server(NODE, lambda o=one, a=answers: recorder(o, a), rewrite=True).unreachable_reason  # type: ignore[misc]
        assert observe_sentinel(NODE, lambda: recorder(watching, found[2]), MASTER, rewrite=True).monitored
        yield found
    finally:
        started.end()


@st.composite
def mutated(draw: st.DrawFn, answer: Any) -> Any:
    """Draw an answer in which something has another form."""
    if isinstance(answer, str) and "\r\n" in answer and draw(st.booleans()):
        lines = answer.split("\r\n")
        for number in draw(st.lists(st.integers(0, len(lines) - 1), max_size=30)):
            name, _colon, _value = lines[number].partition(":")
            lines[number] = draw(
                st.sampled_from([f"{name}:{draw(ODD)}", name, ":", "", f"{name}:a=b,c=d", f"{name}:1,x"])
            )
        return "\r\n".join(lines)
    if isinstance(answer, list) and answer and draw(st.integers(0, 3)):
        changed = list(answer)
        at = draw(st.integers(0, len(changed) - 1))
        changed[at] = draw(mutated(changed[at]))
        return changed[: draw(st.integers(0, len(changed)))] if draw(st.booleans()) else changed
    return draw(ODD)


@st.composite
def mutations(draw: st.DrawFn, answers: Answers) -> Answers:
    """Draw answers of which some have another form, or are refusals."""
    changed = dict(answers)
    for command in draw(st.lists(st.sampled_from(sorted(answers)), min_size=1, max_size=4)):
        broken = st.sampled_from(
            [ResponseError("this is not offered"), RedisConnectionError("Connection closed by server.")]
        )
        changed[command] = draw(broken | mutated(answers[command]))
    return changed


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.data())
def test_answers_of_another_form_end_in_verdicts(
    recorded: tuple[Answers, Answers, Answers], data: st.DataObject
) -> None:
    changed = list(recorded)
    for number in data.draw(st.sets(st.integers(0, 2), min_size=1, max_size=2)):
        changed[number] = data.draw(mutations(recorded[number]))
    servers = tuple(
        observe_server(Node(name, Address("10.0.0.1", port), "state"), lambda a=answers: replayed(a), rewrite=True)  # type: ignore[misc]
        for name, port, answers in (("one", 1, changed[0]), ("two", 2, changed[1]))
    )
    watching = observe_sentinel(NODE, lambda: replayed(changed[2]), MASTER, rewrite=True)
    topology = Topology("shop", servers, (watching,), MASTER)
    checks = run_checks(topology)
    assert json.loads(json.dumps(document(topology, checks), allow_nan=False))["target"] == "shop"
    assert table_text(topology, checks, colour=False, columns=4000)


def checks_of(server: Server) -> dict[str, Check]:
    return {check.name: check for check in run_checks(Topology("shop", (server,)))}


@pytest.mark.parametrize(
    "refusal",
    [
        ResponseError("CONFIG is disabled for this instance", status_code="ERR"),
        ResponseError("Command is not available"),
        RedisConnectionError("Connection closed by server."),
    ],
)
@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("CONFIG", set()),
        ("LATENCY", {"latency"}),
        ("SLOWLOG", {"slow log"}),
        ("INFO", {"memory", "policy", "evictions", "clients", "persistence"}),
    ],
)
def test_a_refusal_in_whatever_words_is_that_check_alone(
    recorded: tuple[Answers, Answers, Answers], command: str, names: set[str], refusal: RedisError
) -> None:
    answers = {key: refusal if key.startswith(command) else answer for key, answer in recorded[0].items()}
    server = observe_server(NODE, lambda: replayed({**answers, "DBSIZE": 3, "ROLE": ["master", 1, []]}))
    found = checks_of(server)
    assert {name for name, check in found.items() if check.verdict == "not allowed"} == names
    assert found["ping"].verdict == "ok"
    assert server.role == "master"


def test_a_sentinel_is_told_from_a_server(redis: Loopback) -> None:
    one = redis.sentinel(redis.server(), quorum=1)
    node = Node("one", Address(HOST, one.port))
    [check] = run_checks(Topology("shop", (observe_server(node, one.client),)))
    assert "sentinel" in check.found
    assert f"--sentinel {one.endpoint}" in check.hint


@pytest.mark.parametrize(
    ("masters", "is_server"),
    [
        (ResponseError("unknown command 'SENTINEL'"), True),
        (NoPermissionError("the server does not offer the command"), False),
    ],
)
def test_a_command_that_is_missing_is_told_by_the_kind_of_refusal_and_not_by_its_words(
    masters: RedisError, is_server: bool
) -> None:
    refused = {"PING": "PONG", "INFO": NoPermissionError("no permission"), "SENTINEL MASTERS": masters}
    found = observe_sentinel(NODE, lambda: replayed(refused), "")
    assert ("no sentinel" in found.unreachable_reason) == is_server


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("LOADING", "Redis is loading the dataset in memory"),
        ("MISCONF", "Redis is configured to save"),
        ("MASTERDOWN", "Link"),
    ],
)
def test_a_server_that_answers_but_is_in_trouble_fails_and_is_looked_at(
    recorded: tuple[Answers, Answers, Answers], code: str, text: str
) -> None:
    error = BaseParser.parse_error(f"{code} {text}")  # type: ignore[no-untyped-call]
    server = observe_server(NODE, lambda: replayed({**recorded[0], "PING": error}))
    found = checks_of(server)
    assert found["ping"].verdict == "failed"
    assert found["ping"].hint
    assert found["memory"].verdict != "not allowed"


def test_a_node_of_a_cluster_that_is_down_fails(redis: Loopback) -> None:
    one = redis.server("cluster-enabled", "yes")
    node = Node("one", Address(HOST, one.port))
    check = checks_of(observe_server(node, one.client))["cluster"]
    assert check.verdict == "failed"
    assert "0 of 16384" in check.found
    with one.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        until(lambda: client.cluster("INFO")["cluster_state"] == "ok")
    assert checks_of(observe_server(node, one.client))["cluster"].verdict == "ok"


def test_nodes_of_a_cluster_that_are_out_of_reach_are_named(recorded: tuple[Answers, Answers, Answers]) -> None:
    lines = (
        "a 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        "b 10.0.0.2:6379@16379,h slave,fail a 1 2 1 disconnected",
    )
    answers = {
        **recorded[0],
        "INFO": str(recorded[0]["INFO"]).replace("cluster_enabled:0", "cluster_enabled:1"),
        "CLUSTER INFO": "cluster_state:ok\r\ncluster_slots_ok:16384\r\n",
        "CLUSTER NODES": "\n".join(lines),
    }
    check = checks_of(observe_server(NODE, lambda: replayed(answers)))["cluster"]
    assert check.verdict == "failed"
    assert "10.0.0.2:6379" in check.found


def test_valkey_is_named_with_its_own_version(recorded: tuple[Answers, Answers, Answers]) -> None:
    info = str(recorded[0]["INFO"])
    own = info.replace("redis_git_sha1", "server_name:valkey\r\nvalkey_version:8.1.1\r\nredis_git_sha1", 1)
    server = observe_server(NODE, lambda: replayed({**recorded[0], "INFO": own}))
    assert (server.product, server.version) == ("Valkey", "8.1.1")
    assert "Valkey 8.1.1" in table_text(Topology("shop", (server,)), (), colour=False, columns=4000)


def test_a_probe_counts_whatever_is_answered(recorded: tuple[Answers, Answers, Answers]) -> None:
    assert probe(lambda: replayed({**recorded[0], "PING": ResponseError("MISCONF can't save")})) is not None
