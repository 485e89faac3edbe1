"""What names of images stand for, with a client in place of the engine's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound
from tests.unit.stacks import replica, stack, state

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.registry import registry_digests
from optimus_ops.engine.values import Image
from optimus_ops.errors import OpsError, Refused
from optimus_ops.rollout.moved_tags import moved_tags, moved_while_idle

HERE = {
    "Id": "sha256:a",
    "RepoDigests": ["shop/x@sha256:1"],
    "Metadata": {"LastTagTime": "2026-11-22T12:00:00.123456789Z"},
}
TIME = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


class Client:
    """A client of an engine that knows images here and in a registry."""

    def __init__(self, here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
        self.here, self.there, self.asked = here, there, []  # type: ignore[var-annotated]

    def inspect_image(self, name: str) -> Any:
        if name not in self.here:
            raise ImageNotFound("no such image")
        return self.here[name]

    def inspect_distribution(self, name: str) -> Any:
        self.asked.append(name)
        found = self.there[name]
        if isinstance(found, threading.Event):
            found.wait(10)
        if isinstance(found, int):
            raise APIError("said no", SimpleNamespace(status_code=found), "said why")
        return {"Descriptor": {"digest": found}}


def engine(here: Mapping[str, Any], there: Mapping[str, Any]) -> tuple[DockerEngine, Client]:
    client = Client(here, there)
    return DockerEngine(client, "here"), client


def test_an_image_here_has_the_digests_of_registries_and_a_time() -> None:
    docker, _client = engine({"shop/x:1": HERE, "local": {"Id": "sha256:b", "RepoDigests": None}}, {})
    assert docker.image("shop/x:1") == Image("sha256:a", digests=frozenset({"sha256:1"}), tagged_at=TIME)
    assert docker.image("local") == Image("sha256:b")
    assert docker.image("gone") is None


@pytest.mark.parametrize(("status", "error"), [(401, Refused), (403, Refused), (404, Refused), (500, OpsError)])
def test_a_registry_that_gives_nothing_is_one_message_with_a_way_out(status: int, error: type[OpsError]) -> None:
    docker, _client = engine({}, {"shop/x:1": status})
    with pytest.raises(OpsError, match=r"shop/x:1.*said why") as raised:
        registry_digests(docker, ["shop/x:1"])
    assert type(raised.value) is error
    assert "--no-pull" in str(raised.value.hint)


def test_a_registry_that_hangs_is_not_waited_for() -> None:
    gate = threading.Event()
    docker, _client = engine({}, {"shop/x:1": gate})
    with pytest.raises(OpsError, match="did not answer within 0 s"):
        registry_digests(docker, ["shop/x:1"], seconds=0.01)
    gate.set()


def shop(policy: str) -> Any:
    return stack(x={"image": "shop/x:1", "pull_policy": policy, "labels": {"com.optimus.scalable": "true"}})


@pytest.mark.parametrize(
    ("there", "moved"), [("sha256:1", {}), ("sha256:2", {"shop/x:1": "sha256:2"})], ids=["same", "another"]
)
def test_a_tag_that_stands_for_another_image_has_moved(there: str, moved: dict[str, str]) -> None:
    docker, _client = engine({"shop/x:1": HERE}, {"shop/x:1": there})
    assert moved_tags(docker, shop("always"), ["x"]) == moved


def test_nobody_is_asked_where_no_policy_wants_it_or_the_image_is_missing() -> None:
    docker, client = engine({"shop/x:1": HERE}, {"shop/x:1": "sha256:2"})
    assert moved_tags(docker, shop("missing"), ["x", "ai", "postgres"]) == {}
    assert moved_tags(docker, shop("always"), ["x"], "never") == {}
    assert moved_tags(engine({}, {})[0], shop("always"), ["x"]) == {}
    assert client.asked == []
    assert moved_tags(docker, shop("missing"), ["x"], "always") == {"shop/x:1": "sha256:2"}


def test_what_runs_already_is_not_asked_about_when_more_of_it_is_started() -> None:
    docker, client = engine({"shop/x:1": HERE}, {"shop/x:1": "sha256:2"})
    running = replica("x", image="shop/x:1")
    assert moved_while_idle(docker, shop("always"), state(running)) == ({}, ())
    assert client.asked == []
    assert moved_while_idle(docker, shop("always"), state()) == ({"shop/x:1": "sha256:2"}, ())


def test_a_stack_starts_with_what_is_here_where_a_registry_does_not_answer() -> None:
    docker, _client = engine({"shop/x:1": HERE}, {"shop/x:1": 500})
    moved, (note,) = moved_while_idle(docker, shop("always"), state())
    assert moved == {}
    assert note == "what shop/x:1 stands for now could not be asked: said why; what is on this machine is started"
