"""Driving a stack as a person would: `invoke` in a process of its own, requests through the balancer."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
from tests.support import invoke_server
from tests.support.leftovers import NAME, PROJECT_LABEL, remove_project
from tests.support.ports import WORKER, WORKERS, free_ports

ROOT = Path(__file__).parents[2]
SECONDS = 600
INJECTED = Path(__file__).with_name("injected")
# Each project has secrets of its own. Workers of pytest-xdist have a narrow terminal; tests read what a pipe gets.
# Without cached bytecode every command would compile all that it imports.
NOT_INHERITED = {"OPTIMUS_SECRETS_DIR", "COLUMNS", "PYTHONDONTWRITEBYTECODE"}


def local_image(service: str) -> str:
    """Return the image that the checkout's own sources are built as: two checkouts on one engine name theirs apart."""
    return os.environ.get(f"{service.upper().replace('-', '_')}_IMAGE", f"optimus/{service}:local")


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    def check(self) -> Ran:
        """Return itself if the command ended well; else fail with everything it said."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self

    @property
    def json(self) -> Any:
        """Return the one document on standard output."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """Return everything that was said."""
        return self.out + self.err


@dataclass(frozen=True)
class Platform:
    """A project of its own: name, ports, state.

    Args:
        project: its name.
        environ: the environment of its commands.
        folder: where its secrets and state are.
        ai_port: where the balancer listens for ai-engine.
        backend_port: where it listens for backend-orchestrator.
        root: the checkout that it runs from.
    """

    project: str
    environ: dict[str, str]
    folder: Path
    ai_port: int
    backend_port: int
    root: Path = ROOT

    @classmethod
    def fresh(cls, folder: Path, name: str, root: Path) -> Platform:
        """Choose a name and free ports; nothing is started."""
        ports = free_ports(2)
        project = f"{NAME}-{name}"
        environ = {
            **{name: value for name, value in os.environ.items() if name not in NOT_INHERITED},
            "COMPOSE_PROJECT_NAME": project,
            "AI_ENGINE_PORT": str(ports[0]),
            "BACKEND_ORCHESTRATOR_PORT": str(ports[1]),
            "OPTIMUS_STATE_DIR": str(folder / "state"),
            "OPTIMUS_SECRETS_FILE": str(folder / "env.secrets"),
            "OPTIMUS_ENVIRONMENT": "test",
            # Tests act upon what a task says on its way.
            "OPTIMUS_PROGRESS_SECONDS": "0.2",
        }
        return cls(project, environ, folder, ports[0], ports[1], root)

    def having(self, **environ: str) -> Platform:
        """Return the same project with further variables for each of its commands."""
        return replace(self, environ={**self.environ, **environ})

    def command(self, *words: str) -> list[str]:
        """Return the command line of an `invoke` of this environment."""
        return [invoke_server.INVOKE, *words]

    def invoke(self, *words: str, **environ: str) -> Ran:
        """Run `invoke` to its end, in a process that need not import everything first."""
        return Ran(*invoke_server.invoke(words, self.root, {**self.environ, **environ}, SECONDS))

    def invoke_anew(self, *words: str, **environ: str) -> Ran:
        """Run `invoke` to its end as people do; Python's own variables have their effect."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def struck(self, number: signal.Signals, step: int, after: float, *words: str) -> Ran:
        """Run `invoke`, which sends a signal to itself some seconds into a step of its plan."""
        path = os.pathsep.join([str(INJECTED), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        environ = {"INJECT_SIGNAL": str(int(number)), "INJECT_STEP": str(step), "INJECT_AFTER": str(after)}
        return self.invoke_anew(*words, PYTHONPATH=path, **environ)

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start `invoke` and return at once; both outputs come on its standard output."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def interrupted(self, until: str, number: signal.Signals, *words: str) -> Ran:
        """Run `invoke`, send a signal as soon as a line contains `until`, and wait for its end."""
        return self.meanwhile(until, lambda process: process.send_signal(number), *words)

    def meanwhile(self, until: str, act: Callable[[subprocess.Popen[str]], object], *words: str) -> Ran:
        """Run `invoke`, do something as soon as a line contains `until`, and wait for its end."""
        process = self.start(*words)
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if until in line:
                act(process)
                break
        rest, _ = process.communicate(timeout=SECONDS)
        return Ran(process.returncode, "".join(lines) + rest, "")

    def compose(self, *words: str) -> Ran:
        """Run plain `docker compose` on base and scale."""
        files = [str(self.root / "compose" / name) for name in ("docker-compose.yml", "docker-compose.scale.yml")]
        done = subprocess.run(
            ["docker", "compose", "-f", files[0], "-f", files[1], *words],
            env={**self.environ, "OPTIMUS_SECRETS_DIR": str(self.folder / "state" / "secrets")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def secret(self, name: str) -> str:
        """Return a secret of the operator's file."""
        lines = (self.folder / "env.secrets").read_text().splitlines()
        return next(line.partition("=")[2].strip("'") for line in lines if line.startswith(f"{name}="))

    def containers(self) -> dict[str, str]:
        """Return name -> id of every container of the project."""
        listed = docker.from_env().api.containers(all=True, filters={"label": f"{PROJECT_LABEL}={self.project}"})
        return {container["Names"][0].lstrip("/"): container["Id"] for container in listed}

    def states(self) -> dict[str, tuple[str, str]]:
        """Return name -> id and state ("running", "exited", …) of every container of the project."""
        listed = docker.from_env().api.containers(all=True, filters={"label": f"{PROJECT_LABEL}={self.project}"})
        return {container["Names"][0].lstrip("/"): (container["Id"], container["State"]) for container in listed}

    def replicas(self, service: str) -> dict[str, str]:
        """Return name -> id of a service's containers."""
        return {name: i for name, i in self.containers().items() if name.startswith(f"{self.project}-{service}-")}

    def request(self, path: str, body: object, headers: Mapping[str, str]) -> tuple[int, Any, Any]:
        """Send a request to ai-engine through the balancer; return status, headers and body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ai_port}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def chat(
        self, model: str = "embedded", text: str = "hello", session: str = "", request: str = "", stream: bool = False
    ) -> tuple[int, Any, Any]:
        """Ask ai-engine as tenant acme."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
        key = self.secret("TENANT_ACME_API_KEY")
        headers = {"Authorization": f"Bearer {key}", "X-Session-Id": session, "X-Request-Id": request}
        return self.request("/v1/chat/completions", body, {name: value for name, value in headers.items() if value})


def copied_checkout(folder: Path) -> Path:
    """Copy what a stack is made of, for a test to edit; return the folder."""
    clutter = shutil.ignore_patterns("__pycache__", ".*_cache", "tests")
    for name in ("compose", "config", "loadtests", "services"):
        shutil.copytree(ROOT / name, folder / name, ignore=clutter)
    for name in ("tasks.py", "pyproject.toml", ".dockerignore", ".env.models", ".env.example"):
        shutil.copy2(ROOT / name, folder / name)
    # A check takes 0.15 s of a core: in twenty containers, every 10 s, a seventh of two cores.
    for old, new in ((" interval: 10s", " interval: 60s"), (" start_interval: 300ms", " start_interval: 1s")):
        for name in ("common.yml", "docker-compose.yml"):
            replace_text(folder / "compose" / name, old, new)
    return folder


def replace_text(path: Path, old: str, new: str) -> None:
    """Put a text in the place of another, wherever that stands in a file."""
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def free_prefix() -> str:
    """Return the first three numbers of a /24 of this worker that no network of the engine has a part of."""
    used = [
        ipaddress.ip_network(config["Subnet"])
        for network in docker.from_env().api.networks()
        for config in network["IPAM"]["Config"] or ()
    ]
    candidates = (ipaddress.ip_network(f"10.84.{number}.0/24") for number in range(WORKER % WORKERS, 256, WORKERS))
    free = next(found for found in candidates if not any(found.overlaps(other) for other in used if other.version == 4))
    return str(free.network_address).removesuffix(".0")


def remove_everything(project: str) -> None:
    """Remove all that a project left on the engine but images."""
    remove_project(docker.from_env().api, project)
