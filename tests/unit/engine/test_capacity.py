"""What the host and the database have to give, asked of a `docker` command that is a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import replica, stack, state

from optimus_ops.engine.capacity import observe_capacity
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.store_probes import parse_connections
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.budget_items import Capacity
from optimus_ops.system.process import DeadlinePassed

HOST = DockerEngine(None, "here", memory=2**33, cpus=2.0)
UNKNOWN = Capacity(None, 0, 2**33, 2.0)
POOLED = stack(memory={"image": "memory", "environment": {"DB_HOST": "postgres", "DB_POOL_SIZE": "5"}})


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to say what `docker exec` answers."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def answer(document: object, code: int = 0) -> None:
        said = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "answer").write_text(said)
        script = tmp_path / "docker"
        script.write_text(f'#!/bin/sh\n[ "$1 $2" = "exec postgres1" ] || exit 99\ncat {tmp_path}/answer\nexit {code}\n')
        script.chmod(0o755)

    return answer


def connections(**clients: int) -> dict[str, object]:
    return {"most": 100, "reserved": 3, "clients": clients}


def test_the_host_and_the_database_say_what_they_have(answering: Any) -> None:
    answering(connections())
    assert observe_capacity(HOST, POOLED, state(replica("postgres"))) == Capacity(100, 3, 2**33, 2.0, 0)


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("172.18.0.9", 0),
        ("172.18.0.77", 2),
        ("", 0),
        ("127.0.0.1", 0),
        ("fd00::9", 0),
    ],
    ids=["a replica", "somebody else", "the local socket", "the container itself", "IPv6"],
)
def test_connections_of_others_are_those_from_addresses_that_no_replica_has(
    answering: Any, client: str, counted: int
) -> None:
    answering(connections(**{client: 2}))
    found = observe_capacity(HOST, POOLED, state(replica("postgres"), replica("memory")))
    assert found.other_connections == counted


@pytest.mark.parametrize(
    "database", [[], [replica("postgres", health="starting")], [replica("postgres", status="exited", health=None)]]
)
def test_a_database_that_is_not_ready_is_not_asked(answering: Any, database: list[Any]) -> None:
    answering("nobody asked", code=99)
    assert observe_capacity(HOST, POOLED, state(*database)) == UNKNOWN


def test_a_stack_without_pools_has_no_database_to_ask(answering: Any) -> None:
    answering("nobody asked", code=99)
    assert observe_capacity(HOST, stack(), state(replica("postgres"))) == UNKNOWN


def test_what_has_no_postgresql_client_is_no_postgresql(answering: Any) -> None:
    answering("", code=127)
    assert observe_capacity(HOST, POOLED, state(replica("postgres"))) == UNKNOWN


def test_a_database_without_a_health_check_may_still_be_starting(answering: Any) -> None:
    answering("", code=2)
    assert observe_capacity(HOST, POOLED, state(replica("postgres", health=None))) == UNKNOWN


@pytest.mark.parametrize(("said", "code"), [("password authentication failed", 2), ("", 1), ("[]", 0), ("{}", 0)])
def test_a_ready_database_that_does_not_say_it_is_an_error(answering: Any, said: str, code: int) -> None:
    answering(said, code)
    with pytest.raises(OpsError, match="postgres does not say how many connections it takes"):
        observe_capacity(HOST, POOLED, state(replica("postgres")))


@given(st.text(max_size=20) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps))
def test_what_is_no_answer_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_connections(text)


def test_a_database_that_hangs_is_an_error_and_no_unlimited_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_words: Any, **_options: Any) -> None:
        raise DeadlinePassed("it did not end")

    monkeypatch.setattr(DockerEngine, "exec", hang)
    with pytest.raises(OpsError, match="postgres does not say how many connections it takes: no answer within 10 s"):
        observe_capacity(HOST, POOLED, state(replica("postgres")))


def test_without_docker_that_is_what_is_missing_and_not_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingPrerequisite, match="there is no `docker`"):
        observe_capacity(HOST, POOLED, state(replica("postgres")))
