"""What must hold for the Compose files, whoever edits them; read without Docker."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from tests.unit.compose_files import (
    COMPOSE,
    Model,
    load,
    memory,
    overlay,
    redis_settings,
    seconds,
    services,
)
from tests.unit.repository import CHECKOUT

from ai_engine.conversations import SHARE
from backend_orchestrator.consumer import KEPT_BYTES
from backend_orchestrator.intake import IntakeLimits

STACKS = (
    (),
    ("scale",),
    ("dev",),
    ("scale", "dev"),
    ("dev", "scale"),
    ("sentinel",),
    ("scale", "sentinel"),
    ("scale", "sentinel", "dev"),
)
SCALABLE = {"ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker"}
PYTHON = {*SCALABLE, "migrations"}
NODES = ("redis", "redis-replica-1", "redis-replica-2")
SENTINELS = ("redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3")
REDIS = (*NODES, *SENTINELS, "redis-cache")
PUBLIC_IMAGES = {
    "postgres": "pgvector/pgvector:0.8.1-pg16",
    **dict.fromkeys(REDIS, "redis:8.0-alpine"),
    "nginx-lb": "nginx:1.30-alpine",
}
EVERY = [
    pytest.param(name, service, id=f"{'+'.join(('base', *stack))}-{name}")
    for stack in STACKS
    for name, service in services(*stack).items()
]
BIG_HOST = 4 * 2**30


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_a_service_says_who_it_is(name: str, service: Model) -> None:
    assert service["labels"]["com.optimus.service"] == name
    assert service["labels"]["com.optimus.environment"] in {"production", "development"}
    assert (service["labels"].get("com.optimus.scalable") == "true") == (name in SCALABLE)


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_a_service_has_limits_and_reservations_that_any_host_can_give(name: str, service: Model) -> None:
    limits, reserved = (service["deploy"]["resources"][kind] for kind in ("limits", "reservations"))
    assert 0 < float(reserved["cpus"]) <= float(limits["cpus"]) <= 1, name
    assert 0 < memory(reserved["memory"]) <= memory(limits["memory"])
    assert int(limits["pids"]) > 0


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_a_container_is_hardened(name: str, service: Model) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert not str(service["user"]).startswith(("0", "root"))
    assert service["user"] == "1001:1001" or name in {"postgres", *REDIS}
    assert not {"privileged", "cap_add", "network_mode", "pid", "container_name"} & service.keys()


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_logs_are_rotated_and_services_come_back(name: str, service: Model) -> None:
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "migrations" else "unless-stopped")


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_what_comes_from_the_host_is_read_only_and_must_be_there(name: str, service: Model) -> None:
    binds = [volume for volume in service["volumes"] if volume["type"] == "bind"]
    assert all(volume["read_only"] is True for volume in binds)
    assert all(volume["bind"] == {"create_host_path": False} for volume in binds)
    assert any(volume["target"] == "/run/secrets" for volume in binds) == (name != "nginx-lb")


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_scratch_is_bounded_and_runs_nothing(name: str, service: Model) -> None:
    for mount in service["tmpfs"]:
        assert {"noexec", "nosuid", "nodev"} <= set(mount.partition(":")[2].split(",")), name
        assert "size=" in mount


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_health_is_asked_often_while_starting(name: str, service: Model) -> None:
    if name == "migrations":
        assert service["healthcheck"]["disable"]
    else:
        # Checks of the replicas start a Python each: more often would take the time that they need for starting.
        often = "1s" if "com.optimus.scalable" in service["labels"] else "300ms"
        assert (service["healthcheck"]["start_period"], service["healthcheck"]["start_interval"]) == ("60s", often)
        assert service["healthcheck"]["interval"] == "10s"


@pytest.mark.parametrize(("name", "service"), EVERY)
def test_images_have_a_version_and_the_public_default(name: str, service: Model) -> None:
    assert re.fullmatch(r"[a-z/-]+:[a-z0-9.-]+", service["image"])
    assert not service["image"].endswith(":latest")
    assert service["image"] == PUBLIC_IMAGES.get(name, service["image"])


def test_every_image_can_be_replaced_by_a_variable() -> None:
    names = [path.name for path in sorted(COMPOSE.glob("*.yml"))]
    images = [service["image"] for name in names for service in load(name)["services"].values() if "image" in service]
    assert all(re.match(r"\$\{[A-Z_]+_IMAGE:-", image) for image in images)


@pytest.mark.parametrize("stack", [(), ("scale",)])
def test_only_the_balancer_is_on_the_host(stack: tuple[str, ...]) -> None:
    assert {name for name, service in services(*stack).items() if service.get("ports")} <= {"nginx-lb"}


def test_the_memory_engine_is_not_published_and_the_others_are_on_loopback() -> None:
    assert services("scale")["nginx-lb"]["ports"] == ["127.0.0.1:8010:8010", "127.0.0.1:8020:8020"]


def test_development_opens_ports_on_loopback_only() -> None:
    opened = {port for service in services("dev").values() for port in service.get("ports", ())}
    assert all(port.startswith("127.0.0.1:") for port in opened)
    assert {port.rpartition(":")[2] for port in opened} == {"8010", "8020", "8050", "5432", "6379"}


@pytest.mark.parametrize("stack", STACKS)
def test_services_outlive_their_drain(stack: tuple[str, ...]) -> None:
    for name, service in services(*stack).items():
        if name in SCALABLE:
            drain = float(service["environment"]["DRAIN_DELAY"]) + float(service["environment"]["DRAIN_TIMEOUT"])
            assert seconds(service["stop_grace_period"]) > drain


@pytest.mark.parametrize("stack", [(), ("scale",)])
def test_the_stores_are_reached_by_services_only(stack: tuple[str, ...]) -> None:
    found = services(*stack)
    assert load("docker-compose.yml")["networks"]["stores"]["internal"] is True
    for name in ("postgres", "redis", "redis-cache"):
        assert found[name]["networks"] == ["stores"]
    assert "stores" not in found.get("nginx-lb", {"networks": []})["networks"]


def test_two_projects_can_run_side_by_side() -> None:
    base = load("docker-compose.yml")
    assert base["name"] == "${COMPOSE_PROJECT_NAME:-optimus}"
    for entry in (*base["networks"].values(), *base["volumes"].values()):
        assert not {"name", "external", "ipam"} & (entry or {}).keys()


@pytest.mark.parametrize("stack", STACKS)
def test_reservations_of_one_replica_each_leave_room_on_a_host_of_4_gb(stack: tuple[str, ...]) -> None:
    resources = [service["deploy"]["resources"] for service in services(*stack).values()]
    assert sum(memory(entry["reservations"]["memory"]) for entry in resources) < BIG_HOST / 2
    assert sum(float(entry["reservations"]["cpus"]) for entry in resources) < 2


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


def test_alone_the_memory_engine_migrates() -> None:
    service = services()["memory-engine"]
    assert service["environment"]["RUN_MIGRATIONS"] == "true"
    assert secrets_of(service) == "memory-engine-migrating"
    assert "migrations" not in services()


@pytest.mark.parametrize("stack", [("scale",), ("dev",), ("scale", "dev"), ("dev", "scale")])
def test_behind_the_balancer_a_job_migrates_and_replicas_wait_for_it(stack: tuple[str, ...]) -> None:
    found = services(*stack)
    replica, job = found["memory-engine"], found["migrations"]
    assert replica["environment"]["RUN_MIGRATIONS"] == "false"
    assert replica["environment"]["SKIP_STARTUP_BOOTSTRAP"] == "true"
    assert replica["depends_on"]["migrations"] == {"condition": "service_completed_successfully"}
    assert job["environment"]["RUN_MIGRATIONS_ONLY"] == "true"
    assert job["image"] == replica["image"]
    assert list(job["networks"]) == ["stores"]
    assert secrets_of(job) == "migrations"


def test_replicas_do_not_hold_the_password_of_the_owner() -> None:
    assert secrets_of(services("scale")["memory-engine"]) == "memory-engine"


def test_behind_the_balancer_services_call_each_other_through_it() -> None:
    found = services("scale")
    assert found["ai-engine"]["environment"]["MEMORY_ENGINE_URL"] == "http://nginx-lb:8050"
    assert found["orchestrator-worker"]["environment"]["AI_ENGINE_URL"] == "http://nginx-lb:8010"


@pytest.mark.parametrize("stack", STACKS)
def test_what_must_run_first_is_waited_for(stack: tuple[str, ...]) -> None:
    found = services(*stack)
    for name in SCALABLE:
        assert found[name]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert found["memory-engine"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert "depends_on" not in found.get("nginx-lb", {})


def test_the_database_is_asked_over_tcp_and_takes_passwords_only() -> None:
    postgres = services()["postgres"]
    assert "--host=127.0.0.1" in postgres["healthcheck"]["test"]
    assert "--auth-host=scram-sha-256" in postgres["environment"]["POSTGRES_INITDB_ARGS"]
    assert postgres["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/POSTGRES_PASSWORD"
    assert postgres["stop_signal"] == "SIGINT"


def test_the_database_holds_its_own_budget() -> None:
    text = (COMPOSE / "postgres" / "postgresql.conf").read_text("utf-8")
    sizes = dict(re.findall(r"^(shared_buffers|maintenance_work_mem) = (\d+)MB$", text, re.MULTILINE))
    limit = memory(services()["postgres"]["deploy"]["resources"]["limits"]["memory"])
    assert sum(map(int, sizes.values())) * 2**20 <= limit / 2
    assert memory(services()["postgres"]["shm_size"].replace("m", "M")) >= int(sizes["maintenance_work_mem"]) * 2**20


@pytest.mark.parametrize("service", sorted({*PYTHON, "postgres"}))
def test_no_secret_is_in_the_environment(service: str) -> None:
    words = ("PASSWORD", "TOKEN", "SECRET", "API_KEY")
    for name, value in services("scale")[service]["environment"].items():
        assert not any(word in name for word in words) or name in {"SECRETS_DIR", "POSTGRES_PASSWORD_FILE"}
        assert not re.search(r"//[^/@\s]+@", str(value))


@pytest.mark.parametrize("name", ["scale", "dev", "sentinel"])
def test_an_overlay_repeats_nothing_of_the_base(name: str) -> None:
    base = services()
    for service, added in load(overlay(name))["services"].items():
        for setting, value in added.items():
            assert base.get(service, {}).get(setting) != value


def test_demo_tenants_are_named_as_their_keys_can_be() -> None:
    tenants = yaml.safe_load((CHECKOUT / "config" / "tenants.yaml").read_text("utf-8"))["tenants"]
    assert {"acme", "globex"} <= tenants.keys()
    for limits in tenants.values():
        assert limits["requests_per_minute"] >= 600_000
        assert limits["concurrent_requests"] >= 512


def test_every_folder_of_secrets_is_somebodys_in_the_template() -> None:
    template = (CHECKOUT / ".env.example").read_text("utf-8")
    granted = {name for names in re.findall(r"@consumers=(\S+)", template) for name in names.split(",")}
    used = {secrets_of(service) for stack in STACKS for name, service in services(*stack).items() if name != "nginx-lb"}
    assert used <= granted


def test_the_model_catalogue_holds_no_key() -> None:
    text = (CHECKOUT / ".env.models").read_text("utf-8")
    names = [line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert names
    assert not [name for name in names if name.endswith(("_KEY", "_KEYS", "_TOKEN", "_PASSWORD", "_SECRET"))]


def secrets_of(service: Model) -> str:
    (mount,) = (volume for volume in service["volumes"] if volume["target"] == "/run/secrets")
    return str(mount["source"]).rpartition("/")[2]
