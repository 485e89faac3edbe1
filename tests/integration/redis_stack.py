"""The Redis services of a stack, started alone with plain Compose."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from tests.integration.platform import SECONDS, Platform, Ran, free_prefix, remove_everything

OVERLAYS = {"single": ("",), "sentinel": ("", "scale.", "sentinel.")}
SERVICES = {
    "single": ("redis", "redis-cache"),
    "sentinel": (
        *("redis", "redis-replica-1", "redis-replica-2", "redis-cache"),
        *("redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3"),
    ),
}
STATE = ("redis", "redis-replica-1", "redis-replica-2")


@dataclass(frozen=True)
class RedisStack:
    """The Redis services of a project."""

    platform: Platform
    kind: str

    @classmethod
    @contextmanager
    def running(cls, checkout: Path, folder: Path, kind: str, name: str) -> Iterator[RedisStack]:
        """Start them with plain Compose, and wait until they are healthy; nothing is left of them."""
        platform = Platform.fresh(folder, f"redis-{name}", checkout)
        # On a loaded machine servers stall for the half second after which sentinels usually take them for dead.
        made = cls(platform.having(REDIS_SUBNET_PREFIX=free_prefix(), REDIS_DOWN_AFTER_MS="2000"), kind)
        try:
            made.platform.invoke("secrets.init").check()
            made.platform.invoke("images.bases").check()
            made.up()
            yield made
        finally:
            remove_everything(made.platform.project)

    def up(self) -> None:
        """Start what does not run, and wait until all is healthy."""
        self.compose("up", "-d", "--wait", *SERVICES[self.kind])

    def compose(self, *words: str) -> None:
        """Run plain `docker compose` on the files of this kind."""
        files = [str(self.platform.root / "compose" / f"docker-compose.{name}yml") for name in OVERLAYS[self.kind]]
        subprocess.run(
            ["docker", "compose", *(part for file in files for part in ("-f", file)), *words],
            env={**self.platform.environ, "OPTIMUS_SECRETS_DIR": str(self.platform.folder / "state" / "secrets")},
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )

    def cli(self, service: str, *words: str) -> str:
        """Ask a server with its own client."""
        asked = ["docker", "exec", f"{self.platform.project}-{service}-1", "sh", "/etc/optimus/redis/cli.sh", *words]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def until_said(self, service: str, text: str) -> None:
        """Wait until a container's log has a text."""
        container = self.container(service)
        ends_at = time.monotonic() + 60
        while text not in (said := container.logs().decode()):
            assert time.monotonic() < ends_at, said
            time.sleep(0.1)

    def keys(self, service: str) -> set[str]:
        """Return all keys of a server."""
        return set(self.cli(service, "KEYS", "*").split())

    def fill(self, *names: str) -> None:
        """Leave just these keys in the master."""
        master = self.master()
        self.cli(master, "FLUSHALL")
        self.cli(master, "MSET", *(word for name in names for word in (name, "1")))

    def master(self) -> str:
        """Return the server of state that is the master: the one there is, or whom the first sentinel names."""
        if self.kind == "single":
            return STATE[0]
        named = self.cli("redis-sentinel-1", "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
        [name] = [service for service in STATE if self.address(service) == named.split()[0]]
        return name

    def address(self, service: str) -> str:
        """Return the fixed address of a service among the sentinels."""
        networks = self.container(service).attrs["NetworkSettings"]["Networks"]
        return str(networks[f"{self.platform.project}_sentinel"]["IPAMConfig"]["IPv4Address"])

    def container(self, service: str) -> Any:
        """Return a service's container."""
        return docker.from_env().containers.get(f"{self.platform.project}-{service}-1")

    @contextmanager
    def address_taken_once(self, service: str, moment: str, *words: str) -> Iterator[Ran]:
        """Run `invoke`; when a line contains `moment`, another container takes the address of a stopped service."""
        engine = docker.from_env()
        network = f"{self.platform.project}_sentinel"
        squatter = engine.containers.create(
            self.container(service).image.id, ["sleep", "600"], entrypoint="", name=f"{self.platform.project}-squatter"
        )
        try:
            engine.networks.get(network).connect(squatter, ipv4_address=self.address(service))
            yield self.platform.meanwhile(moment, lambda _process: squatter.start(), *words)
        finally:
            squatter.remove(force=True, v=True)

    def validated(self) -> dict[str, Any]:
        """Return the document of validate-redis."""
        document: dict[str, Any] = json.loads(self.platform.invoke("validate-redis", "--json").out)
        return document


def failed(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return subject and name of the checks that failed, by a document of validate-redis."""
    return {(check["subject"], check["name"]) for check in document["checks"] if check["verdict"] == "failed"}


def backed_up_and_changed(stack: RedisStack, folder: Path) -> Path:
    """Leave a backup of the key `old` in a folder, and the key `newer` in the stack."""
    settle(stack)
    stack.fill("old")
    stack.platform.invoke("redis.backup", "--to", str(folder)).check()
    stack.fill("newer")
    return folder


def settle(stack: RedisStack) -> None:
    """Wait until sentinels have seen who is back, which takes some seconds."""
    ends_at = time.monotonic() + 60
    while found := failed(stack.validated()):
        assert time.monotonic() < ends_at, found
        time.sleep(0.3)
