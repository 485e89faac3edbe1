"""New replicas watched beside old ones, through the log of a real balancer."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import docker
import pytest
from tests.integration.engine_proxy import EngineProxy
from tests.integration.platform import Platform

from optimus_ops.balancer.observation import NO_TRAFFIC
from optimus_ops.balancer.sample import TrafficSample
from optimus_ops.balancer.traffic import addresses, observe_new, observe_traffic
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.labels import HASH_LABEL, PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.state import Replica

pytestmark = pytest.mark.integration

# Longer than any of these tests may take: they end when they have seen what they wait for.
SECONDS = 120.0
FAILING = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)
http.server.ThreadingHTTPServer(("", 8010), Handler).serve_forever()
"""


def balancer(platform: Platform) -> str:
    [container] = platform.replicas("nginx-lb").values()
    return container


def replicas(platform: Platform) -> list[Replica]:
    """Return the running replicas of ai-engine."""
    return list(DockerEngine.connect().observe(platform.project).running("ai-engine"))


def ask(platform: Platform) -> str:
    """Send a request through the balancer; return who answered it, "" if it failed."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{platform.ai_port}/health", timeout=10) as response:
            return str(response.headers["X-Served-By"])
    except urllib.error.HTTPError:
        return ""


@contextmanager
def traffic(platform: Platform) -> Iterator[None]:
    """Send one request after the other in the background."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.01):
            ask(platform)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def failing_replica(platform: Platform, beside: Replica) -> Iterator[Replica]:
    """Have one more replica that the balancer finds, and that answers every request with 500."""
    engine = docker.from_env()
    [network] = [name for name in beside.addresses if name.endswith("_optimus")]
    labels = {PROJECT_LABEL: platform.project, SERVICE_LABEL: "ai-engine", HASH_LABEL: "by hand"}
    container = engine.containers.create(
        beside.image_id, ["python3", "-c", FAILING], entrypoint=[], labels=labels, name=f"{platform.project}-failing"
    )
    try:
        for name in container.attrs["NetworkSettings"]["Networks"]:
            engine.networks.get(name).disconnect(container)
        engine.networks.get(network).connect(container, aliases=["ai-engine"])
        container.start()
        [replica] = [made for made in replicas(platform) if made.id == container.id]
        yield replica
    finally:
        container.remove(force=True)


def test_each_replica_is_counted_as_often_as_it_answered(platform: Platform) -> None:
    there = replicas(platform)
    names = {replica.hostname: replica.name for replica in there}
    answered: Counter[str] = Counter()
    before: dict[str, int] = {}

    def look(samples: Mapping[str, TrafficSample]) -> str | None:
        seen = {name: sample.requests for name, sample in samples.items()}
        if not sum(seen.values()):
            # Until the log is being read.
            ask(platform)
        elif not before:
            time.sleep(1)
            before.update(seen)
            answered.update(names[ask(platform)] for _ in range(20))
        elif sum(seen.values()) >= sum(before.values()) + 20:
            return "all were counted"
        return None

    watched = observe_traffic(DockerEngine.connect(), balancer(platform), addresses(there), SECONDS, reason_to_end=look)
    assert watched.ended == "all were counted"
    counted = {name: sample.requests - before[name] for name, sample in watched.samples.items()}
    assert sum(counted.values()) == 20
    assert counted == answered
    assert all(sample.failures == 0 and sample.latencies for sample in watched.samples.values())


def test_a_new_replica_that_fails_ends_the_window_at_once(platform: Platform) -> None:
    old = replicas(platform)
    said: list[str] = []
    with failing_replica(platform, old[0]) as new, traffic(platform):
        verdict = observe_new(DockerEngine.connect(), balancer(platform), [new], old, SECONDS, inspect=said.append)
    assert not verdict.good
    assert "x 500" in verdict.reasons[0]
    assert verdict.text.startswith("new: ")
    assert said


def test_replicas_of_the_same_version_are_good(platform: Platform) -> None:
    new, *old = replicas(platform)
    with traffic(platform):
        verdict = observe_new(DockerEngine.connect(), balancer(platform), [new], old, 5.0, inspect=lambda _seen: None)
    assert verdict.good, verdict
    assert not verdict.text.startswith(NO_TRAFFIC)


def test_a_window_without_traffic_ends_all_the_same(platform: Platform) -> None:
    new, *old = replicas(platform)
    verdict = observe_new(DockerEngine.connect(), balancer(platform), [new], old, 1.0, inspect=lambda _seen: None)
    assert verdict.good
    assert verdict.text == NO_TRAFFIC


def test_what_the_caller_finds_bad_is_the_verdict(platform: Platform) -> None:
    new, *old = replicas(platform)
    verdict = observe_new(
        DockerEngine.connect(), balancer(platform), [new], old, SECONDS, inspect=lambda _seen: "it has ended"
    )
    assert (verdict.good, verdict.reasons) == (False, ("it has ended",))


def test_a_balancer_that_is_gone_is_named(platform: Platform) -> None:
    with pytest.raises(OpsError, match="balancer's container is gone"):
        observe_traffic(
            DockerEngine.connect(), f"{platform.project}-no-such", {}, SECONDS, reason_to_end=lambda _seen: None
        )


def test_an_engine_that_goes_away_in_the_window_is_named(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    container = balancer(platform)
    with EngineProxy(platform.folder / "engine.sock") as proxy:
        monkeypatch.setenv("DOCKER_HOST", proxy.docker_host)
        engine = DockerEngine.connect()

        def look(_seen: Mapping[str, TrafficSample]) -> None:
            proxy.cut()

        with pytest.raises(MissingPrerequisite, match="stopped answering"):
            observe_traffic(engine, container, {}, 3.0, reason_to_end=look)
