"""A stack with sentinels loses its master, all nodes at once, and the master's data."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import Platform, free_prefix, remove_everything
from tests.integration.secret_search import found_in_the_open

pytestmark = pytest.mark.integration

NODES = ("redis", "redis-replica-1", "redis-replica-2")
SENTINELS = ("redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3")
SECONDS = 60
CALLER_SECONDS = 5
PHONE_NUMBER = "100000000000001"


@dataclass(frozen=True)
class Stack:
    """The nodes and sentinels of a running stack."""

    platform: Platform

    def container(self, service: str) -> Any:
        return docker.from_env().containers.get(f"{self.platform.project}-{service}-1")

    def cli(self, service: str, *words: str) -> list[str]:
        """What a node or sentinel answers, line by line."""
        done = self.container(service).exec_run(["sh", "/etc/optimus/redis/cli.sh", *words])
        return str(done.output.decode()).splitlines()

    def master(self) -> str:
        """The service that the first sentinel names."""
        address = self.cli(SENTINELS[0], "sentinel", "get-master-addr-by-name", "mymaster")[0]
        return NODES[int(address.rpartition(".")[2]) - 11]

    def whole(self) -> bool:
        """Whether all sentinels name one master, and it has both replicas, which the sentinels may choose."""
        named = {tuple(self.cli(name, "sentinel", "get-master-addr-by-name", "mymaster")) for name in SENTINELS}
        if len(named) != 1:
            return False
        replication = self.cli(self.master(), "info", "replication")
        candidates = self.cli(SENTINELS[0], "sentinel", "replicas", "mymaster")
        return (
            "role:master" in replication
            and sum("state=online" in line for line in replication) == 2
            and [candidates[place + 1] for place, word in enumerate(candidates) if word == "slave-priority"]
            == ["100", "100"]
        )

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; while containers come and go, asking may fail."""
        ends = time.monotonic() + SECONDS
        while True:
            try:
                if holds():
                    return
            except (docker.errors.APIError, IndexError, ValueError):
                pass
            assert time.monotonic() < ends, self.container(NODES[0]).logs(tail=20).decode()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def stack(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack with sentinels and two ai-engine replicas."""
    fresh = Platform.fresh(tmp_path_factory.mktemp("sentinel"), "sentinel", checkout)
    made = fresh.having(REDIS_SUBNET_PREFIX=free_prefix())
    try:
        made.invoke("scale", "--sentinel", "--ai-engine", "2").check()
        yield Stack(made)
    finally:
        remove_everything(made.project)


def test_nothing_secret_is_in_the_open_of_nodes_and_sentinels(stack: Stack) -> None:
    assert found_in_the_open(stack.platform) == []


@dataclass
class Traffic:
    """Callers who allow five seconds: what they were answered, and which messages were taken."""

    platform: Platform
    answers: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[Traffic]:
        calls = (self.chat, self.hook)
        threads = [threading.Thread(target=self._call, args=(call, number)) for number in range(2) for call in calls]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _call(self, call: Callable[[str], int], caller: int) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                self.answers.append(call(f"{caller}.{number}"))
            except OSError as error:
                self.failures.append(f"{call.__name__} {number}: {error}")
            time.sleep(0.05)

    def chat(self, name: str) -> int:
        body = {"model": "embedded", "messages": [{"role": "user", "content": name}]}
        key = self.platform.secret("TENANT_ACME_API_KEY")
        headers = {"Authorization": f"Bearer {key}", "X-Session-Id": "drill", "X-Session-Durable": "true"}
        return self._post(self.platform.ai_port, "/v1/chat/completions", json.dumps(body).encode(), headers)

    def hook(self, name: str) -> int:
        message = {"id": f"wamid.{name}", "from": "5511", "type": "text", "text": {"body": "hi"}}
        value = {"metadata": {"phone_number_id": PHONE_NUMBER}, "messages": [message]}
        body = json.dumps({"entry": [{"changes": [{"value": value}]}]}).encode()
        digest = hmac.new(self.platform.secret("WHATSAPP_APP_SECRET").encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}"}
        status = self._post(self.platform.backend_port, "/webhooks/whatsapp", body, headers)
        self.taken.add(f"optimus:message:acme:wamid.{name}")
        return status

    def _post(self, port: int, path: str, body: bytes, headers: dict[str, str]) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", data=body, headers={"Content-Type": "application/json", **headers}
        )
        with urllib.request.urlopen(request, timeout=CALLER_SECONDS) as response:
            return int(response.status)


def at_once(act: Callable[[str], None]) -> None:
    """Do something with every node and sentinel, as whoever stops or starts a stack does."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(act, (*SENTINELS, *NODES)))


def test_no_request_fails_and_no_message_is_lost_when_the_master_is_killed(stack: Stack) -> None:
    stack.until(stack.whole)
    old = stack.master()
    with Traffic(stack.platform).running() as traffic:
        time.sleep(0.5)
        stack.container(old).kill()
        stack.until(lambda: stack.master() != old)
        before = len(traffic.answers)
        stack.until(lambda: len(traffic.answers) > before + 20)
    assert traffic.failures == []
    assert set(traffic.answers) == {200}
    # A server that has just become master on a loaded machine may not answer at once.
    stack.until(lambda: stack.cli(stack.master(), "exists", *traffic.taken) == [str(len(traffic.taken))])
    stack.container(old).start()
    stack.until(stack.whole)
    assert stack.master() != old


def test_a_master_that_lost_its_data_does_not_empty_the_others(stack: Stack) -> None:
    stack.until(stack.whole)
    old = stack.master()
    # What a script wrote in one step: Redis' file has it as a transaction.
    script = "redis.call('set', KEYS[1], 'x') redis.call('set', KEYS[2], 'y')"
    stack.cli(old, "eval", script, "2", "kept:1", "kept:2")
    assert stack.cli(old, "wait", "2", "5000") == ["2"]
    at_once(lambda service: stack.container(service).stop())
    image = stack.container(old).image
    volumes = {f"{stack.platform.project}_{'redis' if old == 'redis' else old}-data": {"bind": "/data"}}
    docker.from_env().containers.run(image, ["sh", "-c", "rm -rf /data/*"], volumes=volumes, remove=True)
    at_once(lambda service: stack.container(service).start())
    stack.until(lambda: stack.whole() and stack.master() != old)
    assert "refused: the sentinels name this node master, but it has no data" in stack.container(old).logs().decode()
    for node in NODES:
        assert stack.cli(node, "mget", "kept:1", "kept:2") == ["x", "y"]


def test_sentinels_are_part_of_the_stack_until_it_is_stopped(stack: Stack) -> None:
    stack.platform.invoke("scale", "--ai-engine", "3").check()
    newest = docker.from_env().containers.get(f"{stack.platform.project}-ai-engine-3")
    assert "REDIS_SENTINEL_ENABLED=true" in newest.attrs["Config"]["Env"]
