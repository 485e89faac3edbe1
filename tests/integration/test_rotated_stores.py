"""Rotation of what data stores accept, on real ones: under load, amid a fail-over, and with nothing given away."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest
from benchmarks.rotation_load import CHAT, RECALL, StoreRequests, rotating_endpoint
from tests.integration.load import Load
from tests.integration.platform import Platform
from tests.integration.redis_stack import SERVICES, STATE, RedisStack, settle

from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

PASSWORDS = ("REDIS_PASSWORD", "REDIS_OPERATOR_PASSWORD", "REDIS_SENTINEL_PASSWORD", "REDIS_REPLICATION_PASSWORD")
CURRENT = "[4/8] ✓"
"""The line after which services use the new value."""
LOOKS = 20
"""How often the arguments of a process are read, about every 10 ms."""


@pytest.fixture(scope="module")
def single(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("single"), "single", "rotated-single") as started:
        yield started


@pytest.fixture(scope="module")
def group(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("group"), "sentinel", "rotated-group") as started:
        yield started


def hashes(stack: RedisStack, service: str, user: str) -> set[str]:
    """Return the hashes of the passwords that a server takes for a user."""
    [line] = [line for line in stack.cli(service, "ACL", "LIST").splitlines() if line.startswith(f"user {user} ")]
    return {rule[1:] for rule in line.split() if rule.startswith("#")}


def known(stack: RedisStack, *keys: str) -> set[str]:
    """Return how ACLs know values of the operator's file."""
    return {hashlib.sha256(stack.platform.secret(key).encode()).hexdigest() for key in keys}


def hashes_in_files(stack: RedisStack) -> set[str]:
    """Return those of what servers that start now would take."""
    files = (stack.platform.folder / "state" / "secrets" / "redis").glob("REDIS_PASSWORD*")
    return {hashlib.sha256(line.encode()).hexdigest() for file in files for line in file.read_text().splitlines()}


def copies(stack: RedisStack) -> int:
    """Return how often replicas had to copy all of the data."""
    facts = [stack.cli(service, "INFO", "stats") for service in STATE]
    return sum(int(line.partition(":")[2]) for text in facts for line in text.split() if line.startswith("sync_full:"))


def test_servers_alone_take_the_new_password_and_keep_it_over_a_restart(single: RedisStack) -> None:
    old = known(single, "REDIS_PASSWORD")
    single.platform.invoke("secrets.rotate", "REDIS_PASSWORD", "--yes", "--grace", "1").check()
    single.compose("restart", *SERVICES["single"])
    single.up()
    for service in SERVICES["single"]:
        assert single.cli(service, "PING") == "PONG"
        assert hashes(single, service, "default") == known(single, "REDIS_PASSWORD") != old


def test_all_passwords_of_a_group_are_rotated_and_its_links_survive(group: RedisStack) -> None:
    settle(group)
    master, before = group.master(), copies(group)
    for key in PASSWORDS:
        old = group.platform.secret(key)
        group.platform.invoke("secrets.rotate", key, "--yes", "--grace", "1").check()
        assert group.platform.secret(key) != old
    settle(group)
    assert (group.master(), copies(group)) == (master, before)
    # Links that break later are made anew with the new passwords.
    for kind in ("replica", "pubsub", "normal"):
        with suppress(subprocess.CalledProcessError):
            group.cli(master, "CLIENT", "KILL", "TYPE", kind)
    settle(group)


def test_a_fail_over_and_a_restart_amid_a_rotation_find_both_passwords(group: RedisStack) -> None:
    settle(group)
    before = group.master()
    restarted = next(service for service in STATE if service != before)

    def strike(process: subprocess.Popen[str]) -> None:
        # It stands still, or the grace would be over on a machine that is too busy.
        process.send_signal(signal.SIGSTOP)
        try:
            # A sentinel that has just logged in anew knows of no replica that it may promote.
            assert wait_until(lambda: group.cli("redis-sentinel-1", "SENTINEL", "FAILOVER", "mymaster") == "OK", 60)
            assert wait_until(lambda: "role:slave" in group.cli(before, "INFO", "replication"), 60)
            for service in (restarted, "redis-sentinel-2"):
                group.compose("restart", service)
            group.up()
            for service in (*STATE, "redis-sentinel-2"):
                assert hashes(group, service, "services") == hashes_in_files(group)
            assert len(hashes_in_files(group)) == 2
        finally:
            process.send_signal(signal.SIGCONT)

    group.platform.meanwhile(CURRENT, strike, "secrets.rotate", "REDIS_PASSWORD", "--yes", "--grace", "5").check()

    settle(group)
    assert group.master() != before
    for service in SERVICES["sentinel"]:
        user = "default" if service == "redis-cache" else "services"
        assert hashes(group, service, user) == known(group, "REDIS_PASSWORD")


@pytest.mark.parametrize("key", ["MEMORY_DB_PASSWORD", "REDIS_PASSWORD"])
def test_nobody_notices_a_rotation_and_nothing_is_given_away(platform: Platform, key: str) -> None:
    values = {platform.secret(key)}
    endpoint = rotating_endpoint(platform.ai_port)
    stores = StoreRequests(endpoint, lambda: platform.secret("TENANT_ACME_API_KEY"))
    asking = BackgroundLoad(
        lambda record, stopped: run_closed_loop(endpoint, stores, Pace(4, interval=0.2), record, stopped)
    )
    with Load(platform) as load, asking, arguments_seen() as seen:
        # A rotation waits until nobody uses the old value, however short its grace is.
        for grace in ((), ("--grace", "2")):
            platform.invoke("secrets.rotate", key, "--yes", *grace).check()
            values.add(platform.secret(key))
        load.go_on(200)
    load.assert_nothing_lost()
    assert [result for result in asking.results if result.error] == []
    assert {result.headers[RECALL] for result in asking.results if result.kind == CHAT} == {"empty"}
    assert len(values) == 3
    hidden = {text.partition(":")[2] or text for text in values}
    places = {"arguments": "\n".join(seen), "logs": logs(platform), "state": state(platform)}
    assert [where for where, text in places.items() if any(value in text for value in hidden)] == []
    assert any("secrets.rotate" in line or "docker" in line for line in seen)


@contextmanager
def arguments_seen() -> Iterator[set[str]]:
    """Give the arguments of all processes that there are meanwhile."""
    seen: set[str] = set()
    looks: Counter[Path] = Counter()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            there = {*Path("/proc").glob("[0-9]*")}
            for process in there:
                looks[process] += 1
                # A process is given its arguments soon after its start: reading those of all would keep a core busy.
                if looks[process] <= LOOKS:
                    with suppress(OSError):
                        arguments = (process / "cmdline").read_bytes()
                        seen.add(arguments.replace(b"\0", b" ").decode("utf-8", "replace"))
            for process in looks.keys() - there:
                del looks[process]
            ended.wait(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def logs(platform: Platform) -> str:
    """Return what all containers wrote."""
    engine = docker.from_env()
    return "\n".join(engine.containers.get(i).logs().decode("utf-8", "replace") for i in platform.containers().values())


def state(platform: Platform) -> str:
    """Return what tasks wrote down, but for the secrets of services and of rotations."""
    folder = platform.folder / "state"
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    told = [path for path in files if path.parts[0] not in {"secrets", "rotations", "versions", "secret-versions"}]
    return "\n".join((folder / path).read_text("utf-8", "replace") for path in told)
