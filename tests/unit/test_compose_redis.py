"""What must hold for Redis and its sentinels in the Compose files; read without Docker."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.compose_files import (
    COMPOSE,
    NODES,
    SCALABLE,
    SENTINELS,
    STACKS,
    load,
    memory,
    overlay,
    redis_settings,
    secrets_of,
    services,
)

from ai_engine.conversations import SHARE
from backend_orchestrator.consumer import KEPT_BYTES
from backend_orchestrator.intake import IntakeLimits


def test_the_queue_is_never_evicted_and_survives_a_restart() -> None:
    state = redis_settings("state.conf")
    assert state["maxmemory-policy"] == "noeviction"
    assert (state["appendonly"], state["appendfsync"]) == ("yes", "everysec")


def test_the_cache_evicts_and_writes_nothing() -> None:
    cache = redis_settings("cache.conf")
    assert (cache["maxmemory-policy"], cache["appendonly"], cache["save"]) == ("allkeys-lru", "no", '""')


@pytest.mark.parametrize("stack", STACKS)
def test_a_redis_refuses_or_evicts_before_the_kernel_kills_it(stack: tuple[str, ...]) -> None:
    """The limit holds what `need` in compose/redis/memory.sh adds up: docs/redis-memory.md."""
    found = {name: service for name, service in services(*stack).items() if "--maxmemory" in service.get("command", ())}
    assert {"redis", "redis-cache"} <= found.keys()
    for name, service in found.items():
        command = service["command"]
        maxmemory = memory(command[command.index("--maxmemory") + 1])
        kind = {"start.sh": "cache", "alone.sh": "state", "node.sh": "node"}[Path(command[1]).name]
        copies = {"cache": Fraction(1), "state": Fraction(2), "node": Fraction(7, 3)}[kind]
        needed = maxmemory * (copies + Fraction(1, 8)) + 24 * 2**20
        assert memory(service["deploy"]["resources"]["limits"]["memory"]) >= needed, name
        assert said_by_memory_sh(f"need {kind} {maxmemory}") == str(int(needed))


def test_what_conversations_and_messages_may_take_fits_beside_each_other() -> None:
    maxmemory = memory(services()["redis"]["command"][-1])
    messages = IntakeLimits().waiting_bytes + KEPT_BYTES
    backlog = maxmemory / 12
    assert maxmemory * SHARE + messages + backlog <= maxmemory * 0.95


def said_by_memory_sh(call: str) -> str:
    program = f". {COMPOSE / 'redis' / 'memory.sh'}; {call}"
    return subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("size", "number"), [("192mb", 192 << 20), ("1gb", 1 << 30), ("2G", 2 * 10**9), ("5K", 5000), ("77", 77), ("0", 0)]
)
def test_sizes_are_read_as_redis_reads_them(size: str, number: int) -> None:
    assert said_by_memory_sh(f"maxmemory_of --port 1 --maxmemory {size}") == str(number)


def test_clients_that_do_not_read_are_cut_off_before_writes_are_refused() -> None:
    text = (COMPOSE / "redis" / "common.conf").read_text("utf-8")
    bounds = dict(
        re.findall(r"^(?:client-output-buffer-limit )?(normal|pubsub|maxmemory-clients) (\w+)", text, re.MULTILINE)
    )
    assert bounds.keys() == {"normal", "pubsub", "maxmemory-clients"}
    assert max(map(memory, bounds.values())) <= memory(services()["redis"]["command"][-1]) / 3


@pytest.mark.parametrize("file", ["state.conf", "cache.conf"])
def test_redis_lets_no_one_in_without_the_password_and_watches_latency(file: str) -> None:
    settings = redis_settings(file)
    assert settings["aclfile"] == "/run/secrets/users.acl"
    assert settings["latency-monitor-threshold"] == "100"


def test_each_service_uses_the_redis_of_its_role() -> None:
    commands = {name: service["command"][2] for name, service in services().items() if name.startswith("redis")}
    assert commands == {"redis": "state.conf", "redis-cache": "cache.conf"}
    for name in SCALABLE:
        environment = services()[name]["environment"]
        assert environment["REDIS_URL"] == "redis://redis:6379/0"
        assert environment["REDIS_CACHE_URL"] == "redis://redis-cache:6379/0"


def test_every_node_and_sentinel_has_an_address_of_its_own_that_the_others_know() -> None:
    found = services("scale", "sentinel")
    addresses = {name: found[name]["networks"]["sentinel"]["ipv4_address"] for name in (*NODES, *SENTINELS)}
    assert len(set(addresses.values())) == len(addresses)
    assert all(found[name]["environment"]["REDIS_ADDRESS"] == address for name, address in addresses.items())
    nodes = ",".join(f"{addresses[name]}:6379" for name in NODES)
    sentinels = ",".join(f"{addresses[name]}:26379" for name in SENTINELS)
    for name in SENTINELS:
        assert found[name]["environment"]["REDIS_NODES"] == nodes
        assert found[name]["environment"]["REDIS_FIRST_MASTER"] == addresses["redis"]
        assert found[name]["environment"]["REDIS_NAME"] == name
    for name in (*NODES, *SENTINELS, *SCALABLE):
        assert found[name]["environment"]["REDIS_SENTINEL_HOSTS"] == sentinels


def test_the_networks_of_two_stacks_with_sentinels_can_differ() -> None:
    document = load(overlay("sentinel"))
    (addresses,) = document["networks"]["sentinel"]["ipam"]["config"]
    assert document["x-optimus-subnets"] == {"sentinel": "REDIS_SUBNET_PREFIX"}
    assert all(value.startswith("${REDIS_SUBNET_PREFIX:-") for value in addresses.values())
    assert load(overlay("sentinel"))["networks"]["sentinel"]["internal"] is True


def test_a_sentinel_alone_decides_nothing_and_one_may_be_away() -> None:
    quorums = {int(services("sentinel")[name]["environment"]["REDIS_QUORUM"]) for name in (*NODES, *SENTINELS)}
    assert quorums == {len(SENTINELS) // 2 + 1}
    assert len(SENTINELS) - 1 >= max(quorums)


def test_each_of_the_nodes_can_become_the_master() -> None:
    found = services("sentinel")
    for what in ("command", "image", "user", "stop_grace_period", "healthcheck", "deploy"):
        assert found["redis-replica-1"][what] == found["redis-replica-2"][what] == found["redis"][what], what
    assert {secrets_of(found[name]) for name in NODES} == {"redis"}
    data = [volume["source"] for name in NODES for volume in found[name]["volumes"] if volume["target"] == "/data"]
    assert data == ["redis-data", "redis-replica-1-data", "redis-replica-2-data"]


def test_a_node_refuses_writes_that_no_replica_confirms() -> None:
    environment = services("sentinel")["redis"]["environment"]
    assert (environment["REDIS_MIN_REPLICAS"], environment["REDIS_MAX_LAG"]) == ("1", "2")
    node = redis_settings("sentinel/node.conf")
    assert (node["min-replicas-to-write"], node["min-replicas-max-lag"]) == ("@MIN_REPLICAS@", "@MAX_LAG@")
    assert (node["maxmemory-policy"], node["appendonly"]) == ("noeviction", "yes")


def test_the_single_server_reads_what_the_sentinels_wrote_down() -> None:
    (notes,) = (volume for volume in services()["redis"]["volumes"] if volume["target"] == "/sentinels")
    written = {
        volume["source"]
        for name in SENTINELS
        for volume in services("sentinel")[name]["volumes"]
        if volume["target"] == "/data"
    }
    assert written == {notes["source"]}
    assert notes["read_only"] is True


def test_with_sentinels_the_services_follow_them() -> None:
    for name in SCALABLE:
        service = services("scale", "sentinel")[name]
        environment = service["environment"]
        assert environment["REDIS_SENTINEL_ENABLED"] == "true"
        assert environment["REDIS_SENTINEL_MASTER"] == "mymaster"
        assert environment["REDIS_USERNAME"] == environment["REDIS_SENTINEL_USERNAME"] == "services"
        assert list(service["networks"]) == ["optimus", "stores", "sentinel"]
        assert {*NODES, *SENTINELS} <= service["depends_on"].keys()


@pytest.mark.parametrize("file", ["users-node.acl", "users-sentinel.acl"])
def test_nobody_gets_in_without_a_name(file: str) -> None:
    lines = (COMPOSE / "redis" / "sentinel" / file).read_text("utf-8").splitlines()
    assert lines[0].startswith("user default off")
    assert ">" not in lines[0]
    assert "#" not in lines[0]
    assert all(re.match(r"user [a-z]+ on #@[A-Z]+@ ", line) for line in lines[1:])
    everything = [line.split()[1] for line in lines[1:] if "+@all" in line.split() and "-@admin" not in line]
    assert everything == ["operator"]


def test_redis_may_do_all_that_its_file_says_when_it_reads_it_in_the_name_of_the_default_user() -> None:
    text = (COMPOSE / "redis" / "sentinel" / "users-node.acl").read_text("utf-8")
    assert text.splitlines()[0] == "user default off ~* &* +@all"


def test_a_stack_is_not_drilled_unless_it_says_so() -> None:
    for name in (*NODES, *SENTINELS):
        assert services("sentinel")[name]["labels"]["com.optimus.drill"] == "denied"
