"""An engine whose containers are Redis processes on the loopback interface; a folder is a container's volume."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from redis import Redis
from redis.exceptions import RedisError
from tests.redis_server import redis_server_program
from tests.support.ports import free_ports
from tests.unit.redis.loopback import MASTER, end_with_parent, until
from tests.unit.redis.test_containers import inspected

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError
from optimus_ops.system.process import Completed, run

NETWORK = "shop_stores"
CHECKERS = ("redis-check-rdb", "redis-check-aof")


@dataclass
class Container:
    """A server or sentinel that may run."""

    service: str
    host: str
    port: int
    folder: Path
    lines: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    paused: bool = False

    @property
    def sentinel(self) -> bool:
        return "sentinel" in self.service

    @property
    def status(self) -> str:
        running = self.process is not None and self.process.poll() is None
        return "exited" if not running else "paused" if self.paused else "running"

    def client(self) -> Redis:
        return Redis(host=self.host, port=self.port, decode_responses=True, protocol=2, socket_timeout=5)


@dataclass
class ProcessEngine:
    """The engine; `calls` keeps what changed a container, `fails` may refuse one of these."""

    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails: Callable[[str], bool] = lambda _call: False
    drill: str = "allowed"
    copied: Callable[[bytes], bytes] = lambda content: content  # what arrives of a file that is copied out
    told: Callable[[str], str] = lambda output: output  # what arrives of a helper's output

    def add(self, service: str, *lines: str) -> Container:
        """Make and start a server or sentinel with an address of its own, and wait until it answers."""
        number = len(self.containers) + 2
        host, port = f"127.0.0.{number}", free_ports(1)[0]
        folder = self.folder / service
        folder.mkdir(parents=True)
        own = [f"bind {host}", f"port {port}", f"dir {folder}"]
        announced = (
            [f"sentinel announce-ip {host}"]
            if "sentinel" in service
            else ['save ""', "appendonly yes", f"replica-announce-ip {host}"]
        )
        made = Container(service, host, port, folder, [*own, *announced, *lines])
        # Beside the volume, as in a container: a restore replaces what is in it.
        self._configuration(made).write_text("\n".join([*made.lines, ""]))
        self.containers[f"id-{service}"] = made
        self.start(f"id-{service}")
        until(lambda: answers(made))
        return made

    def end(self) -> None:
        for container in self.containers.values():
            if container.process:
                container.process.kill()
                container.process.wait()

    def _configuration(self, container: Container) -> Path:
        return self.folder / f"{container.service}.conf"

    def _note(self, call: str, container: str) -> Container:
        made = self.containers[container]
        if self.fails(f"{call} {made.service}"):
            raise OpsError(f"the engine refused to {call} {made.service}")
        self.calls.append(f"{call} {made.service}")
        return made

    # The part of `engine.port.Engine` that Redis tasks use

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        assert project == "shop"
        return tuple(self._inspected(made) for made in self.containers.values())

    def _inspected(self, made: Container) -> Mapping[str, Any]:
        networks = {NETWORK: {"IPAddress": made.host if made.status != "exited" else ""}}
        networks[NETWORK]["IPAMConfig"] = {"IPv4Address": made.host}  # type: ignore[assignment]
        env = [f"REDIS_PORT={made.port}", f"REDIS_SENTINEL_MASTER={MASTER}"]
        labels = {"com.optimus.drill": self.drill}
        found = inspected(made.service, status=made.status, env=env, networks=networks, labels=labels)
        return {**found, "Mounts": [{"Type": "volume", "Destination": str(made.folder)}]}

    def observe(self, _project: str, services: Collection[str] | None = None) -> Any:
        chosen = [it for it in self.containers.values() if services is None or it.service in services]
        made = [
            SimpleNamespace(
                id=f"id-{it.service}", status=it.status, service=it.service, running=it.status == "running", ports=()
            )
            for it in chosen
        ]
        return SimpleNamespace(replicas=made)

    def attachment(self, _container: str, _address: str) -> tuple[str, tuple[str, ...]]:
        return NETWORK, ()

    def start(self, container: str, *, missing_ok: bool = True) -> None:
        del missing_ok
        made = self._note("start", container)
        if made.status != "exited":
            return
        words = [
            str(redis_server_program()),
            str(self._configuration(made)),
            *(["--sentinel"] if made.sentinel else []),
        ]
        made.process = subprocess.Popen(
            words,
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call
        )

    def stop(self, container: str, *, seconds: float) -> bool:
        return self._end("stop", container, signal.SIGTERM, seconds)

    def kill(self, container: str) -> None:
        self._end("kill", container, signal.SIGKILL, 30)

    def _end(self, call: str, container: str, number: int, seconds: float) -> bool:
        made = self._note(call, container)
        if made.process and made.status != "exited":
            made.process.send_signal(number)
            made.process.wait(seconds)
            made.paused = False
        return True

    def pause(self, container: str) -> None:
        made = self._note("pause", container)
        assert made.process
        made.process.send_signal(signal.SIGSTOP)
        made.paused = True

    def unpause(self, container: str) -> None:
        made = self._note("unpause", container)
        assert made.process
        made.process.send_signal(signal.SIGCONT)
        made.paused = False

    def exec(self, container: str, command: Sequence[str], *, seconds: float, check: bool = False) -> Completed:
        self._note(f"exec {command[0]}", container)
        return run(command, deadline=seconds, check=check)

    def exec_to(
        self, container: str, command: Sequence[str], write: Callable[[bytes], object], *, idle_seconds: float
    ) -> int:
        self._note("read", container)
        done = subprocess.run(command, capture_output=True, timeout=idle_seconds, check=False)
        write(self.copied(done.stdout))
        return done.returncode

    def run_helper(
        self,
        _image: str,
        script: Sequence[str],
        *,
        volumes_of: str = "",
        user: str = "",
        scratch: str = "",
        feed: Callable[[BinaryIO], object] | None = None,
        seconds: float,
    ) -> Completed:
        del user
        if volumes_of:
            self._note("helper beside", volumes_of)
        empty = self.folder / f"scratch-{time.monotonic_ns()}"
        empty.mkdir()
        text, *arguments = script
        words = [str(empty) if word == scratch else word for word in arguments]
        done = run(["sh", "-euc", text, "sh", *words], deadline=seconds, feed=feed)
        return replace(done, stdout=self.told(done.stdout))

    def logs(self, container: str, *, tail: int | None, since: float | None = None) -> tuple[str, ...]:
        return (f"{tail} lines since {since} of {self.containers[container].service}",)


def answers(container: Container) -> bool:
    """Tell whether a server or sentinel answers."""
    assert container.status == "running", f"{container.service} ended"
    try:
        with container.client() as client:
            return bool(client.ping())
    except RedisError:
        return False


@contextmanager
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessEngine]:
    """Make the project `shop` with an engine of its own and nothing in it yet."""
    root, programs = folder / "shop", folder / "bin"
    root.mkdir()
    (root / "tasks.py").write_text("")
    (root / "compose.yml").write_text("name: shop\nservices: {}\n")
    programs.mkdir()
    for name in CHECKERS:
        (programs / name).symlink_to(redis_server_program())
    monkeypatch.setenv("OPTIMUS_ROOT", str(root))
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    engine = ProcessEngine(folder / "volumes")
    monkeypatch.setattr(DockerEngine, "connect", lambda: engine)
    try:
        yield engine
    finally:
        engine.end()
