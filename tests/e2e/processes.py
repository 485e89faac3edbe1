"""Services as processes of the test run: started together, ended for certain."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.e2e.ways import CHECKOUT
from tests.support.measuring import measuring
from tests.support.ports import free_ports

START_SECONDS = 60.0
STOP_SECONDS = 30.0
SOURCES = ("kit", "ai-engine", "memory-engine", "backend-orchestrator")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Service:
    """A running process; `url` is empty for one without an HTTP port."""

    name: str
    process: subprocess.Popen[bytes]
    url: str
    log: Path
    alive_file: Path

    def wait_until_up(self) -> None:
        """Wait until it is ready (or its heartbeat file is there)."""
        ends_at = time.monotonic() + START_SECONDS
        while not self._is_up():
            if self.process.poll() is not None or time.monotonic() > ends_at:
                raise AssertionError(f"{self.name} did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def _is_up(self) -> bool:
        if not self.url:
            return self.alive_file.exists()
        try:
            # Plain HTTP; to read all certificates would take longer than the answer.
            return httpx.get(f"{self.url}/ready", timeout=5, trust_env=False, verify=False).is_success  # noqa: S501
        except httpx.HTTPError:
            return False

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end of a process that was told to end; the exit code."""
        return self.process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class Launcher:
    """Starts services that share an environment. Logs and heartbeat files go into `folder`."""

    folder: Path
    environ: Mapping[str, str]

    @contextmanager
    def running(self, package: str, name: str, *arguments: str, **environ: str) -> Iterator[Service]:
        """A service under the host name `name`, until the block ends; `wait_until_up` tells when it serves."""
        has_port = "worker" not in arguments
        port = free_ports(1)[0]
        alive_file = self.folder / f"{name}.alive"
        log = self.folder / f"{name}.log"
        own = {"PORT": str(port), "HOST": "127.0.0.1", "HOSTNAME": name, "WORKER_ALIVE_FILE": str(alive_file)}
        # Workers of one machine would all want the same port.
        own["METRICS_PORT"] = "0"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", package, *arguments],
                env={**_base(), **measuring(), **self.environ, **own, **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, and no thread is running yet
            )
        try:
            yield Service(name, process, f"http://127.0.0.1:{port}" if has_port else "", log, alive_file)
        finally:
            end(process)


def _base() -> dict[str, str]:
    """What a process needs of this one's environment: nothing of what tests or users set."""
    paths = (str(CHECKOUT / "services" / source / "src") for source in SOURCES)
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(paths), "LANG": "C.UTF-8"}


def end_with_parent() -> None:
    """Have the kernel end this process when the test run dies, however that happens. Linux only; runs after fork."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if it must be."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
