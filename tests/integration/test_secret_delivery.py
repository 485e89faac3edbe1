"""Secrets of a running stack: files in a read-only folder of each service's own, and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.integration.platform import Platform
from tests.integration.secret_search import MOUNT, Container, containers_of, found_in_the_open, values_of

from optimus_ops.secrets.schema import parse_schema
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

OURS = ("ai-engine", "memory-engine", "backend-orchestrator", "orchestrator-worker")
IN_USE = ["python", "-I", "-S", "/opt/app/optimus_kit/secrets_in_use.py"]
SECONDS = 60.0


@pytest.fixture(scope="module")
def containers(platform: Platform) -> tuple[Container, ...]:
    return containers_of(platform)


def running(containers: Iterable[Container]) -> Iterator[Container]:
    return (container for container in containers if container.running)


def test_nothing_secret_is_in_what_the_engine_says_in_logs_or_in_a_process(platform: Platform) -> None:
    assert found_in_the_open(platform) == []


def test_a_value_in_the_open_is_found(containers: tuple[Container, ...], platform: Platform) -> None:
    container = next(found for found in containers if found.service == "ai-engine")
    [value] = values_of(platform).findall(platform.secret("REDIS_PASSWORD").encode())
    values = values_of(platform)
    # A child of PID 1: whoever started it has ended.
    started = f"REDIS_PASSWORD={value.decode()} setsid sleep 100 > /dev/null 2>&1 &"
    container.run("sh", "-c", f"sh -c '{started}'")
    try:
        assert [text for text in container.processes() if values.search(text.encode())]
    finally:
        container.run("sh", "-c", "kill $(grep -lz '^sleep$' /proc/[0-9]*/cmdline | cut -d/ -f3)")


@pytest.mark.parametrize("service", ["ai-engine", "memory-engine", "backend-orchestrator"])
def test_nothing_secret_is_in_the_files_of_an_image_or_of_a_container(
    containers: tuple[Container, ...], platform: Platform, service: str
) -> None:
    """Its file system as a whole, without what is mounted into it."""
    container = next(found for found in containers if found.service == service)
    values, before, size = values_of(platform), b"", 0
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
