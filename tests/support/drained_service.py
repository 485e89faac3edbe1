"""The small service of the drain contract in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.support.measuring import measuring
from tests.support.ports import free_ports

CHECKOUT = Path(__file__).parents[2]
KIT = CHECKOUT / "services" / "kit"
PROGRAM = [sys.executable, str(KIT / "tests" / "drain_app.py")]


@dataclass
class Service:
    """The service of `drain_app` in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode

    def until_listening(self) -> None:
        # Without TLS: each client would read all certificates, which takes longer than the service's answer.
        with httpx.Client(base_url=self.url, verify=False) as client:  # noqa: S501 - plain HTTP on the loopback
            for _ in range(600):
                with suppress(httpx.TransportError):
                    if client.get("/ready").status_code == 200:
                        return
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.05)
        raise AssertionError("the service did not begin to serve")


def environment(port: int) -> dict[str, str]:
    path = os.pathsep.join([str(KIT / "tests"), str(KIT / "src")])
    own = {"PORT": str(port), "HOST": "127.0.0.1", "PYTHONPATH": path, "PATH": os.environ["PATH"]}
    return own | measuring()


Start = Callable[..., Service]


@contextmanager
def starting_services() -> Iterator[Start]:
    """What starts services, with further variables of theirs; they end with the block."""
    started: list[Service] = []

    def start(**environ: str) -> Service:
        port = free_ports(1)[0]
        process = subprocess.Popen(
            PROGRAM,
            env=environment(port) | environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        service = Service(process, port)
        started.append(service)
        service.until_listening()
        return service

    try:
        yield start
    finally:
        for service in started:
            # Its workers as well.
            with suppress(ProcessLookupError):
                os.killpg(service.process.pid, signal.SIGKILL)
            service.process.communicate()
