"""A service of several processes: each one reads changed secrets by itself and says which it uses."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.measuring import measuring

from optimus_kit import secrets_in_use
from optimus_kit.secrets_in_use import KEY, fingerprint

HERE = Path(__file__).parent
PROCESSES = 3


@dataclass
class Service:
    """`drain_app` in three processes, and its secrets; nobody sends it requests."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    def put(self, name: str, value: str) -> None:
        (self.folder / "secrets" / f".{name}").write_text(value)
        (self.folder / "secrets" / f".{name}").replace(self.folder / "secrets" / name)

    def in_use(self) -> dict[int, dict[str, str]]:
        """What the script says, run as in the container."""
        words = [sys.executable, "-I", "-S", secrets_in_use.__file__]
        output = subprocess.run(words, env={"TMPDIR": str(self.folder)}, capture_output=True, check=True)
        return {entry["pid"]: entry["secrets"] for entry in json.loads(output.stdout)["processes"]}

    def until(self, condition: Callable[[dict[int, dict[str, str]]], bool]) -> dict[int, dict[str, str]]:
        while not condition(found := self.in_use()):
            assert self.process.poll() is None, "the service ended"
            time.sleep(0.05)
        return found


def all_use(value: str, count: int = PROCESSES) -> Callable[[dict[int, dict[str, str]]], bool]:
    wanted = {"TOKEN": fingerprint("fingerprint-key", "TOKEN", value)}
    return lambda found: [*found.values()] == [wanted] * count


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / KEY).write_text("fingerprint-key")
    (tmp_path / "secrets" / "TOKEN").write_text("old")
    environ = {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": str(PROCESSES), "DRAIN_DELAY": "0"}
    environ |= {"SECRETS_DIR": str(tmp_path / "secrets"), "TMPDIR": str(tmp_path), **measuring()}
    environ |= {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent / 'src'}", "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, str(HERE / "drain_app.py")], env=environ) as process:
        try:
            yield Service(process, tmp_path)
        finally:
            process.terminate()


def test_each_process_that_uses_secrets_reports_them_and_the_parent_does_not(service: Service) -> None:
    found = service.until(all_use("old"))
    assert service.process.pid not in found
    service.put("TOKEN", "new")
    assert service.until(all_use("new")).keys() == found.keys()


def test_a_process_that_takes_the_place_of_a_dead_one_reports_and_the_dead_one_does_not(service: Service) -> None:
    found = service.until(all_use("old"))
    service.put("TOKEN", "new")
    dead = min(found)
    os.kill(dead, 9)
    after = service.until(lambda now: dead not in now and all_use("new")(now))
    assert len(after.keys() - found.keys()) == 1
