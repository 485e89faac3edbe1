"""The client while the master dies or hands over: real nodes and sentinels on the loopback."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.redis_server import redis_server_program
from tests.support.ports import free_ports

from optimus_kit.redis import NotReplicatedError, connect, run_durably
from optimus_kit.redis.scripts import BoundScript, Script
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import Durability, RedisSettings

PASSWORD = "s3cret"
ADD = Script("#!lua flags=no-cluster\nreturn redis.call('SADD', KEYS[1], ARGV[1])")


@dataclass
class Cluster:
    """One master, two replicas, three sentinels."""

    folder: Path
    nodes: tuple[int, ...]
    sentinels: tuple[int, ...]
    processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    async def start(self, stack: ExitStack) -> None:
        """Start them all; sentinels last, so that they find everything the first time they look."""
        secured = f'save ""\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n'
        for port in self.nodes:
            following = "" if port == self.nodes[0] else f"replicaof 127.0.0.1 {self.nodes[0]}\n"
            self._run(stack, port, secured + following)
        await self._until(self.nodes[0], {"connected_slaves": 2}, password=PASSWORD)
        watched = (
            f"sentinel monitor optimus 127.0.0.1 {self.nodes[0]} 2\nsentinel auth-pass optimus {PASSWORD}\n"
            "sentinel down-after-milliseconds optimus 500\nsentinel failover-timeout optimus 6000\n"
        )
        for port in self.sentinels:
            self._run(stack, port, watched, "--sentinel")

    def _run(self, stack: ExitStack, port: int, configuration: str, *arguments: str) -> None:
        file = self.folder / f"{port}.conf"
        file.write_text(f"port {port}\nbind 127.0.0.1\ndir {self.folder}\ndbfilename {port}.rdb\n{configuration}")
        program = [str(redis_server_program()), str(file), *arguments]
        process = stack.enter_context(subprocess.Popen(program, stdout=subprocess.DEVNULL))
        stack.callback(process.kill)
        self.processes[port] = process

    async def until_whole(self) -> None:
        """Wait until each sentinel knows the other two and both replicas."""
        known = {"name": "optimus", "status": "ok", "slaves": 2, "sentinels": 3}
        for port in self.sentinels:
            await self._until(port, {"master0": known})

    async def _until(self, port: int, wanted: dict[str, object], **options: Any) -> None:
        async with Redis(port=port, **options) as server:
            while True:
                with suppress(RedisError):
                    info = await server.info()
                    if all(set(facts(info.get(name))) >= set(facts(value)) for name, value in wanted.items()):
                        return
                await asyncio.sleep(0.05)


def facts(value: object) -> list[tuple[str, object]]:
    """What INFO says of one thing, as pairs."""
    return list(value.items()) if isinstance(value, dict) else [("", value)]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    ports = free_ports(6)
    made = Cluster(tmp_path, ports[:3], ports[3:])
    with ExitStack() as stack:
        await made.start(stack)
        await made.until_whole()
        yield made


@pytest.fixture
def settings(cluster: Cluster) -> RedisSettings:
    return RedisSettings(
        sentinel_enabled=True,
        sentinel_master="optimus",
        sentinel_hosts=tuple(("127.0.0.1", port) for port in cluster.sentinels),
        deadline=30,
        durability=Durability(1),
    )


@pytest.fixture
def secrets(tmp_path: Path) -> SecretWatcher:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "REDIS_PASSWORD").write_text(PASSWORD)
    return SecretWatcher(SecretFolder(folder))


async def write(redis: "Redis", settings: RedisSettings, writer: int, stop: asyncio.Event) -> set[str]:
    """Write until told to stop; what was acknowledged. Any error fails the test."""
    add = BoundScript(redis, ADD)
    written: set[str] = set()
    while not stop.is_set():
        entry = f"{writer}:{len(written)}"
        await run_durably(add, ["entries"], [entry], settings.durability)
        written.add(entry)
        await asyncio.sleep(0.01)
    return written


async def until_moved(redis: "Redis", start: int) -> None:
    while True:
        info = await redis.info("server")
        if info["tcp_port"] != start:
            return
        await asyncio.sleep(0.05)


async def test_no_write_fails_and_none_is_lost_when_the_master_dies(
    cluster: Cluster, settings: RedisSettings, secrets: SecretWatcher
) -> None:
    async with connect(settings, secrets, decode_responses=True) as redis:
        stop = asyncio.Event()
        writers = [asyncio.create_task(write(redis, settings, number, stop)) for number in range(4)]
        await asyncio.sleep(0.3)
        cluster.processes[cluster.nodes[0]].kill()
        await until_moved(redis, cluster.nodes[0])
        await asyncio.sleep(0.3)
        stop.set()
        written = set().union(*await asyncio.gather(*writers))
        assert written
        assert written <= await redis.smembers("entries")


async def test_a_waiting_read_goes_on_at_the_new_master_after_a_hand_over(
    cluster: Cluster, settings: RedisSettings, secrets: SecretWatcher
) -> None:
    async with (
        connect(settings, secrets, decode_responses=True, block=30) as reader,
        connect(settings, secrets, decode_responses=True) as redis,
        Redis(port=cluster.sentinels[0]) as sentinel,
    ):
        await redis.xgroup_create("stream", "group", mkstream=True)
        waiting = asyncio.ensure_future(reader.xreadgroup("group", "one", {"stream": ">"}, block=30_000))
        await asyncio.sleep(0.1)
        await sentinel.execute_command("SENTINEL", "FAILOVER", "optimus")  # type: ignore[no-untyped-call]
        await until_moved(redis, cluster.nodes[0])
        await redis.xadd("stream", {"n": "1"})
        ((stream, ((_, fields),)),) = cast("Any", await waiting)
        assert (stream, fields) == ("stream", {"n": "1"})


async def test_a_write_that_no_replica_has_is_not_taken_for_written(
    cluster: Cluster, settings: RedisSettings, secrets: SecretWatcher
) -> None:
    for port in cluster.nodes[1:]:
        cluster.processes[port].kill()
    alone = RedisSettings(
        sentinel_enabled=True,
        sentinel_master="optimus",
        sentinel_hosts=settings.sentinel_hosts,
        deadline=5,
        durability=Durability(1, 0.1),
    )
    async with connect(alone, secrets) as redis:
        with pytest.raises(NotReplicatedError):
            await run_durably(BoundScript(redis, ADD), ["entries"], ["a"], alone.durability)


@pytest.mark.parametrize("refusal", ["MISCONF Errors writing to the AOF file", "NOREPLICAS Not enough good replicas"])
async def test_a_master_that_takes_no_writes_for_now_is_asked_again(
    settings: RedisSettings, secrets: SecretWatcher, refusal: str
) -> None:
    script = f"if redis.call('INCR', KEYS[1]) < 3 then return redis.error_reply('{refusal}') end return 'taken'"
    async with connect(settings, secrets, decode_responses=True) as redis:
        assert await redis.eval(script, 1, "asked") == "taken"
        assert await redis.get("asked") == "3"
