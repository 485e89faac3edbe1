"""Redis servers and sentinels as processes on the loopback interface: real ones, without Docker."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from tests.redis_server import redis_server_program
from tests.support.ports import free_ports

HOST = "127.0.0.1"
SECONDS = 30.0
MASTER = "mymaster"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass
class Process:
    """A running server or sentinel."""

    port: int
    process: subprocess.Popen[bytes]
    password: str = ""

    @property
    def endpoint(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.endpoint}"

    def client(self, **settings: Any) -> Redis:
        given = {"password": self.password or None, "decode_responses": True, "protocol": 2, "socket_timeout": 5}
        return Redis(host=HOST, port=self.port, **{**given, **settings})

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Group:
    """A master, its replicas and their sentinels."""

    servers: list[Process] = field(default_factory=list)
    sentinels: list[Process] = field(default_factory=list)

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(one.endpoint for one in self.sentinels)


@dataclass(frozen=True)
class Loopback:
    """Starts servers and sentinels whose files are in `folder`."""

    folder: Path
    started: list[Process] = field(default_factory=list)

    def end(self) -> None:
        """End everything that was started."""
        for one in self.started:
            one.end()

    def server(self, *options: str, password: str = "") -> Process:
        """Start a server with a configuration file of its own, and wait until it answers."""
        # A node of a cluster listens 10,000 above, too.
        port = free_ports(1)[0]
        auth = ["requirepass", password, "masterauth", password]
        words = ["port", str(port), "save", '""', "appendonly", "yes", "dir", str(self._folder(port))]
        return self._start(port, [*words, *(auth if password else []), *options], password=password)

    def replica(self, master: Process, *options: str) -> Process:
        """Start a replica of a server."""
        return self.server("replicaof", f"{HOST} {master.port}", *options, password=master.password)

    def sentinel(
        self, master: Process, *settings: str, quorum: int = 2, name: str = MASTER, password: str = ""
    ) -> Process:
        """Start a sentinel that watches a server; it may want a password of its own. `settings` are further lines."""
        port = free_ports(1)[0]
        watch = f"sentinel monitor {name} {HOST} {master.port} {quorum}"
        times = [f"sentinel down-after-milliseconds {name} 1000", f"sentinel failover-timeout {name} 6000"]
        auth = [f"sentinel auth-pass {name} {master.password}"] if master.password else []
        own = [f"requirepass {password}"] if password else []
        lines = [f"port {port}", f"dir {self._folder(port)}", watch, *times, *auth, *own, *settings]
        return self._run(port, lines, "--sentinel", password=password)

    def group(
        self, *, priorities: tuple[int, ...] = (100, 100), sentinels: int = 3, quorum: int = 2, password: str = ""
    ) -> Group:
        """Start a master, a replica for each priority, and sentinels, and wait until all know each other."""
        made = Group()
        options = ("min-replicas-to-write", "1", "min-replicas-max-lag", "2")
        made.servers.append(self.server(*options, password=password))
        for priority in priorities:
            made.servers.append(self.replica(made.servers[0], "replica-priority", str(priority), *options))
        made.sentinels.extend(self.sentinel(made.servers[0], quorum=quorum) for _ in range(sentinels))
        until(lambda: all(knows(one, len(priorities), sentinels - 1) for one in made.sentinels))
        return made

    def _folder(self, port: int) -> Path:
        folder = self.folder / str(port)
        folder.mkdir(exist_ok=True)
        return folder

    def _start(self, port: int, words: list[str], *, password: str) -> Process:
        lines = [f"{name} {value}" for name, value in zip(words[::2], words[1::2], strict=True)]
        return self._run(port, ["bind " + HOST, *lines], password=password)

    def _run(self, port: int, lines: list[str], *arguments: str, password: str = "") -> Process:
        configuration = self._folder(port) / "redis.conf"
        configuration.write_text("\n".join([*lines, ""]))
        process = subprocess.Popen(
            [str(redis_server_program()), str(configuration), *arguments],
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, and no thread is running yet
        )
        made = Process(port, process, password)
        self.started.append(made)
        until(lambda: answers(made))
        return made


def knows(sentinel: Process, replicas: int, others: int) -> bool:
    """Tell whether a sentinel knows everyone, and reaches them."""
    with sentinel.client() as client:
        entries: list[dict[str, Any]] = [*client.sentinel_slaves(MASTER), *client.sentinel_sentinels(MASTER)]
    linked = [one for one in entries if not one["is_disconnected"] and not one["is_sdown"]]
    up = [one for one in linked if one.get("master-link-status", "ok") == "ok"]
    return len(up) == len(entries) == replicas + others


def answers(one: Process) -> bool:
    """Tell whether a server or sentinel answers."""
    assert one.process.poll() is None, "redis-server ended"
    try:
        with one.client() as client:
            return bool(client.ping())
    except RedisError:
        return False


def until(true: Any) -> None:
    """Wait until something is true."""
    ends_at = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.05)


def end_with_parent() -> None:
    """Have the kernel end this process when the test run dies, however that happens. Linux only; runs after fork."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
