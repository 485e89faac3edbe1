"""Secrets of a running stack: files in a read-only folder of each service's own, and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import Platform

from optimus_ops.secrets.schema import parse_schema
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

MOUNT = "/run/secrets"
OURS = ("ai-engine", "memory-engine", "backend-orchestrator", "orchestrator-worker")
IN_USE = ["python", "-I", "-S", "/opt/app/optimus_kit/secrets_in_use.py"]
SECONDS = 60.0
PROCESSES = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' '\\n'"


@dataclass(frozen=True)
class Container:
    """A container of the stack, and what the engine says of it."""

    raw: Any

    @property
    def service(self) -> str:
        return str(self.raw.labels["com.docker.compose.service"])

    @property
    def secrets(self) -> Mapping[str, Any] | None:
        """The mount of its secrets; None where it has none."""
        return next((mount for mount in self.raw.attrs["Mounts"] if mount["Destination"] == MOUNT), None)

    def run(self, *words: str, user: str = "") -> tuple[int, str]:
        done = self.raw.exec_run(list(words), user=user)
        return int(done.exit_code), str(done.output.decode(errors="replace"))


@pytest.fixture(scope="module")
def containers(platform: Platform) -> tuple[Container, ...]:
    engine = docker.from_env()
    return tuple(Container(engine.containers.get(identity)) for identity in platform.containers().values())


@pytest.fixture(scope="module")
def values(platform: Platform) -> re.Pattern[bytes]:
    """What is searched for: every value of the operator's file."""
    lines = (platform.folder / "env.secrets").read_text("utf-8").splitlines()
    found = {value.strip("'") for name, _, value in (line.partition("=") for line in lines) if not name.startswith("#")}
    secrets = sorted(value for value in found if len(value) >= 16)
    assert len(secrets) >= 10
    return re.compile(b"|".join(re.escape(value.encode()) for value in secrets))


def running(containers: Iterable[Container]) -> Iterator[Container]:
    return (container for container in containers if container.raw.status == "running")


def test_nothing_secret_is_in_what_the_engine_says_of_containers_and_images(
    containers: tuple[Container, ...], values: re.Pattern[bytes]
) -> None:
    engine = docker.from_env().api
    for container in containers:
        image = container.raw.attrs["Image"]
        told = [container.raw.attrs, engine.inspect_image(image), engine.history(image)]
        assert not values.search(json.dumps(told).encode()), container.service
        assert not values.search(container.raw.logs()), container.service


def test_nothing_secret_is_in_the_environment_or_the_arguments_of_a_process(
    containers: tuple[Container, ...], values: re.Pattern[bytes]
) -> None:
    for container in running(containers):
        _, printed = container.run("sh", "-c", PROCESSES, user="0")
        assert "PATH=" in printed, container.service
        assert not values.search(printed.encode()), container.service


@pytest.mark.parametrize("service", ["ai-engine", "memory-engine", "backend-orchestrator"])
def test_nothing_secret_is_in_the_files_of_an_image_or_of_a_container(
    containers: tuple[Container, ...], values: re.Pattern[bytes], service: str
) -> None:
    """Its file system as a whole, without what is mounted into it."""
    container = next(found for found in containers if found.service == service)
    before = b""
    size = 0
    for chunk in container.raw.export():
        assert not values.search(before[-256:] + chunk)
        before = chunk
        size += len(chunk)
    assert size > 10_000_000


def test_secrets_are_mounted_read_only_and_nothing_else_is_read_from_the_operators_folder(
    containers: tuple[Container, ...], platform: Platform
) -> None:
    for container in containers:
        for mount in container.raw.attrs["Mounts"]:
            source = Path(mount.get("Source") or "/")
            if mount["Destination"] == MOUNT:
                assert not mount["RW"], container.service
                assert source.parent == platform.folder / "state" / "secrets", container.service
            else:
                assert platform.folder not in (source, *source.parents), container.service


def test_a_service_reads_its_secrets_as_its_own_user_and_writes_none(containers: tuple[Container, ...]) -> None:
    for container in running(containers):
        if container.service not in OURS:
            continue
        assert container.raw.attrs["Config"]["User"] == "1001:1001"
        assert container.run("sh", "-c", f"cat {MOUNT}/* > /dev/null") == (0, "")
        code, said = container.run("sh", "-c", f"echo x > {MOUNT}/REDIS_PASSWORD")
        assert (code, "ead-only file system" in said) != (0, False), said
        assert container.run("sh", "-c", f"touch {MOUNT}/NEW", user="0")[0] != 0


def test_nobody_else_on_the_host_reads_them(platform: Platform) -> None:
    """What keeps others away is the folder above: containers have users of their own, so that files are open in it."""
    folder = platform.folder / "state" / "secrets"
    found = folder.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == os.geteuid()
    assert stat.S_IMODE((platform.folder / "env.secrets").lstat().st_mode) == 0o600
    for path in folder.rglob("*"):
        assert not path.is_symlink()
        assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0, path


def test_a_service_holds_what_it_needs_and_no_more(containers: tuple[Container, ...], platform: Platform) -> None:
    schema = parse_schema((platform.root / ".env.example").read_text("utf-8"), ".env.example")
    held = {}
    for container in running(containers):
        if container.secrets is None:
            continue
        folder = Path(container.secrets["Source"]).name
        names = container.run("ls", MOUNT)[1].split()
        held[container.service] = set(names)
        for name in set(names) - {"users.acl"}:
            [entry] = [found for found in schema.entries if re.fullmatch(found.key.replace("*", "[A-Z0-9_]+"), name)]
            assert folder in entry.consumers, f"{container.service}: {name}"
    assert "POSTGRES_PASSWORD" not in held["memory-engine"]
    assert not {name for name in held["ai-engine"] if name.startswith(("POSTGRES", "MEMORY_DB", "WHATSAPP", "DASH"))}
    assert not {name for name in held["backend-orchestrator"] if "_DB_" in name or name.endswith("_API_KEYS")}
    assert {"users.acl", "REDIS_PASSWORD"} <= held["redis"]
    assert "nginx-lb" not in held


def used(containers: Iterable[Container], service: str) -> list[Mapping[str, str]]:
    """What each process of each replica of a service says that it uses."""
    found: list[Mapping[str, str]] = []
    for container in running(containers):
        if container.service == service:
            code, printed = container.run(*IN_USE)
            assert code == 0, printed
            processes = json.loads(printed)["processes"]
            assert processes, "silence"
            found += [process["secrets"] for process in processes]
    return found


def fingerprint(platform: Platform, name: str, value: str) -> str:
    key = platform.secret("SECRETS_FINGERPRINT_KEY").encode()
    return hmac.new(key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()


def test_every_process_says_which_values_it_uses(containers: tuple[Container, ...], platform: Platform) -> None:
    name = "TENANT_ACME_API_KEY"
    wanted = fingerprint(platform, name, platform.secret(name))
    for service in OURS:
        said = used(containers, service)
        assert [secrets[name] for secrets in said] == [wanted] * len(said)
    assert len(used(containers, "ai-engine")) >= 2


def test_replicas_take_a_second_key_and_drop_it_again_without_a_restart(
    containers: tuple[Container, ...], platform: Platform
) -> None:
    before = platform.containers()
    name, value = "TENANT_ACME_API_KEY_SECONDARY", "second-key-of-the-tenant-0123456789"
    folder = platform.folder / "state" / "secrets" / "ai-engine"
    headers = {"Authorization": f"Bearer {value}"}
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}

    def statuses() -> set[int]:
        return {platform.request("/v1/chat/completions", body, headers)[0] for _ in range(6)}

    def says(wanted: str | None) -> bool:
        return all(secrets.get(name) == wanted for secrets in used(containers, "ai-engine"))

    assert statuses() == {401}
    fresh = folder / f".{name}"
    fresh.write_text(value)
    fresh.chmod(0o444)
    try:
        fresh.replace(folder / name)
        assert wait_until(lambda: says(fingerprint(platform, name, value)), SECONDS)
        assert statuses() == {200}
    finally:
        (folder / name).unlink()
    assert wait_until(lambda: says(None), SECONDS)
    assert statuses() == {401}
    assert platform.containers() == before
