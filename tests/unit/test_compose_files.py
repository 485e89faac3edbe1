"""What must hold for the Compose files beside what `policy.yaml` says of any service; read without Docker."""

from __future__ import annotations

import re

import pytest
import yaml
from tests.unit.compose_files import (
    AUTOSCALE,
    COMPOSE,
    OBSERVABILITY,
    PYTHON,
    REDIS,
    SCALABLE,
    STACKS,
    Model,
    load,
    memory,
    overlay,
    seconds,
    secrets_of,
    services,
)
from tests.unit.repository import CHECKOUT

PUBLIC_IMAGES = {
    "postgres": "pgvector/pgvector:0.8.1-pg16",
    **dict.fromkeys(REDIS, "redis:8.0-alpine"),
    "nginx-lb": "nginx:1.30-alpine",
    "tempo": "grafana/tempo:3.0.3@sha256:0296560ac66f8a3600d7fb3014a52c189d4d9c3549ad6ff441bf2409855d68d5",
    "loki": "grafana/loki:3.7.6@sha256:efd47c67f9bac88ca29bcf8cb997d9ab29d1848bd0aff579282295542a745952",
    "alloy": "grafana/alloy:v1.18.1@sha256:0f4434c92b3e6cdac38bb129b344e1790c246f7b6e2eaffcc16a5fa363240e33",
    "grafana": "grafana/grafana:13.2.1@sha256:f772d434e8fab0049deb2b1b30abd43342bcfca1537614aa8d36080232cf4283",
    "prometheus": "prom/prometheus:v3.5.3",
    "engine-proxy": "haproxy:3.0-alpine@sha256:56b887da77428b7a6621e59e480cdbd330cc805c22d3cedb66ceea76ffdea2c6",
}
USERS = {
    "postgres": "postgres",
    **dict.fromkeys(REDIS, "redis"),
    # The users of the public images; alloy reads files that belong to root.
    "alloy": "0:0",
    "tempo": "10001:10001",
    "loki": "10001:10001",
    "prometheus": "65534:65534",
    "grafana": "472:0",
}
WITHOUT_SECRETS = {"nginx-lb", "alloy", "tempo", "loki", "prometheus", *AUTOSCALE}
# Shared with changes on the host.
WRITABLE = {"autoscaler": {"/checkout/.optimus/locks", "/checkout/.optimus/journal"}}


def every_service() -> dict[str, tuple[str, Model]]:
    """Return each service in each form that it has in some stack, under the first of these."""
    seen: dict[str, tuple[str, Model]] = {}
    for stack in STACKS:
        for found in services(*stack).items():
            if found not in seen.values():
                seen[f"{'+'.join(('base', *stack))}-{found[0]}"] = found
    return seen


EVERY = every_service()


BIG_HOST = 4 * 2**30


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_a_service_says_who_it_is(name: str, service: Model) -> None:
    assert service["labels"]["com.optimus.service"] == name
    assert service["labels"]["com.optimus.environment"] in {"production", "development"}
    assert (service["labels"].get("com.optimus.scalable") == "true") == (name in SCALABLE)


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_a_service_has_limits_and_reservations_that_any_host_can_give(name: str, service: Model) -> None:
    limits, reserved = (service["deploy"]["resources"][kind] for kind in ("limits", "reservations"))
    assert 0 < float(reserved["cpus"]) <= float(limits["cpus"]) <= 1, name
    assert 0 < memory(reserved["memory"]) <= memory(limits["memory"])
    assert int(limits["pids"]) > 0


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_a_container_has_an_init_and_the_user_of_its_image(name: str, service: Model) -> None:
    assert service["init"] is True
    assert service["user"] == USERS.get(name, "1001:1001")
    assert not {"cap_add", "container_name"} & service.keys()


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_logs_are_rotated_and_services_come_back(name: str, service: Model) -> None:
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file", "labels"}
    assert service["restart"] == ("no" if name == "migrations" else "unless-stopped")


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_what_comes_from_the_host_is_read_only_and_must_be_there(name: str, service: Model) -> None:
    binds = [volume for volume in service["volumes"] if volume["type"] == "bind"]
    writable = {volume["target"] for volume in binds if volume.get("read_only") is not True}
    assert writable == WRITABLE.get(name, set())
    assert all(volume["bind"] == {"create_host_path": False} for volume in binds)
    assert any(volume["target"] == "/run/secrets" for volume in binds) == (name not in WITHOUT_SECRETS)


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_scratch_is_bounded_and_runs_nothing(name: str, service: Model) -> None:
    for mount in service["tmpfs"]:
        assert {"noexec", "nosuid", "nodev"} <= set(mount.partition(":")[2].split(",")), name
        assert "size=" in mount


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_health_is_asked_often_while_starting(name: str, service: Model) -> None:
    if name == "migrations":
        assert service["healthcheck"]["disable"]
    else:
        # Checks of the replicas start a Python each: more often would take the time that they need for starting.
        often = "1s" if "com.optimus.scalable" in service["labels"] or name in {*OBSERVABILITY, *AUTOSCALE} else "300ms"
        assert (service["healthcheck"]["start_period"], service["healthcheck"]["start_interval"]) == ("60s", often)
        assert service["healthcheck"]["interval"] == "10s"


@pytest.mark.parametrize(("name", "service"), EVERY.values(), ids=EVERY)
def test_images_have_a_version_and_the_public_default(name: str, service: Model) -> None:
    assert re.fullmatch(r"[a-z/-]+:[a-z0-9.-]+(@sha256:[0-9a-f]{64})?", service["image"])
    assert service["image"] == PUBLIC_IMAGES.get(name, service["image"])


def test_every_image_can_be_replaced_by_a_variable() -> None:
    names = [path.name for path in sorted(COMPOSE.glob("*.yml"))]
    images = [service["image"] for name in names for service in load(name)["services"].values() if "image" in service]
    assert all(re.match(r"\$\{[A-Z_]+_IMAGE:-", image) for image in images)


@pytest.mark.parametrize("stack", [stack for stack in STACKS if "dev" not in stack])
def test_only_the_balancer_and_grafana_are_on_the_host(stack: tuple[str, ...]) -> None:
    published = {name for name, service in services(*stack).items() if service.get("ports")}
    assert published == {name for name in services(*stack) if name in {"nginx-lb", "grafana"}}


def test_the_memory_engine_is_not_published_and_the_others_are_on_loopback() -> None:
    assert services("scale")["nginx-lb"]["ports"] == ["127.0.0.1:8010:8010", "127.0.0.1:8020:8020"]


def test_development_opens_the_ports_of_services_and_stores() -> None:
    opened = {port for service in services("dev").values() for port in service.get("ports", ())}
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


@pytest.mark.parametrize("stack", [(), ("scale",)])
def test_what_each_chat_goes_through_comes_first_where_processors_are_short(stack: tuple[str, ...]) -> None:
    shares = {name: service["cpu_shares"] for name, service in services(*stack).items() if "cpu_shares" in service}
    assert shares == dict.fromkeys({"ai-engine", "nginx-lb"} & set(services(*stack)), 8192)


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


@pytest.mark.parametrize("name", ["scale", "dev", "sentinel", "observability", "autoscale"])
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
    used = {
        secrets_of(service)
        for stack in STACKS
        for name, service in services(*stack).items()
        if name not in WITHOUT_SECRETS
    }
    assert used <= granted


def test_the_model_catalogue_holds_no_key() -> None:
    text = (CHECKOUT / ".env.models").read_text("utf-8")
    names = [line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert names
    assert not [name for name in names if name.endswith(("_KEY", "_KEYS", "_TOKEN", "_PASSWORD", "_SECRET"))]
