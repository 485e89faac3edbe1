"""What was broken is mended: the last first, all of it, even if it was mended already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import APIError

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.drill.fault_injector import Hands
from optimus_ops.redis.drill.nodes import Peer

ONE = Peer("one", "id-one", "10.0.0.1", 6379, Credentials())
TWO = Peer("two", "id-two", "10.0.0.2", 6379, Credentials())


@dataclass
class Engine:
    """An engine that notes what it is asked for, and refuses some of it."""

    refusing: str = ""
    status: int = 409
    asked: list[str] = field(default_factory=list)

    paused: bool = False

    def inspect_container(self, _container: str) -> Any:
        ends = {"net": {"IPAddress": "10.0.0.1", "Aliases": ["redis"]}, "other": {"IPAddress": "10.9.9.9"}}
        return {"NetworkSettings": {"Networks": ends}, "State": {"Paused": self.paused}}

    def __getattr__(self, name: str) -> Any:
        def call(container: str, *_words: Any, **_options: Any) -> None:
            self.paused = name == "pause"
            self.asked.append(f"{name} {container}")
            if name == self.refusing:
                response = type("Response", (), {"status_code": self.status, "reason": "no", "url": ""})()
                raise APIError("no", response=response, explanation="it is so already")

        return call


def hands(engine: Engine) -> Hands:
    return Hands(DockerEngine(engine, "host"))


def test_everything_is_mended_the_last_first() -> None:
    engine = Engine()
    made = hands(engine)
    made.kill(ONE)
    made.pause(TWO)

    done = made.mend()

    assert engine.asked == ["kill id-one", "pause id-two", "unpause id-two", "start id-one"]
    assert done == ("let two go on", "started one")


def test_nothing_is_mended_twice() -> None:
    engine = Engine()
    made = hands(engine)
    made.kill(ONE)
    made.mend()
    asked = list(engine.asked)

    assert made.mend() == ()
    assert engine.asked == asked


def test_what_could_not_be_broken_is_mended_all_the_same() -> None:
    engine = Engine(refusing="kill", status=500)
    made = hands(engine)
    with pytest.raises(OpsError):
        made.kill(ONE)

    made.mend()

    assert engine.asked[-1] == "start id-one"


def test_what_is_well_already_counts_as_mended() -> None:
    engine = Engine()
    made = hands(engine)
    made.pause(ONE)
    engine.paused = False

    assert made.mend() == ("let one go on",)


def test_what_can_not_be_mended_is_kept_for_another_try() -> None:
    engine = Engine(refusing="start", status=500)
    made = hands(engine)
    made.kill(ONE)
    with pytest.raises(OpsError):
        made.mend()

    engine.refusing = ""

    assert made.mend() == ("started one",)


def test_a_container_gets_back_the_network_by_which_it_is_reached() -> None:
    engine = Engine()
    made = hands(engine)

    made.disconnect(ONE)
    made.mend()

    assert engine.asked[-1] == "connect_container_to_network id-one"
