"""A stack of the benchmarks' own: its name, ports and secrets, driven by `invoke` or by plain `docker compose`."""

from __future__ import annotations

import json
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
from tests.support.leftovers import PROJECT_LABEL, remove_project
from tests.support.ports import free_ports

from optimus_ops.errors import OpsError
from optimus_ops.system.process import run

ROOT = Path(__file__).parents[1]
FILES = ("compose/docker-compose.yml", "compose/docker-compose.scale.yml")
SERVICE_LABEL = "com.docker.compose.service"
SECONDS = 180.0
"""The longest that one command may take, by default."""


@dataclass(frozen=True)
class Engine:
    """The container engine, by docker-py's low-level client."""

    api: Any

    @classmethod
    def connect(cls) -> Engine:
        """Connect as `docker` does."""
        return cls(docker.from_env(timeout=60).api)

    def containers(self, project: str, service: str) -> list[dict[str, Any]]:
        """Return what is known of each container of a service, ended ones too."""
        listed = self.listed(project, service, ended=True)
        return [self.api.inspect_container(container["Id"]) for container in listed]

    def listed(self, project: str, service: str, *, ended: bool = False) -> list[dict[str, Any]]:
        """Return a line about each running container of a service; `ended` ones too."""
        labels = [f"{PROJECT_LABEL}={project}", f"{SERVICE_LABEL}={service}"]
        return self.api.containers(all=ended, filters={"label": labels})  # type: ignore[no-any-return]  # a list

    def processor_seconds(self, container: str) -> float:
        """Return the processor time that a container has used since it started."""
        stats = self.api.stats(container, stream=False, one_shot=True)
        return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


@dataclass(frozen=True)
class Platform:
    """A project that nothing else uses, driven by commands of the checkout `root`; `folder` has state and secrets."""

    project: str
    folder: Path
    ai_port: int
    environ: Mapping[str, str]
    engine: Engine
    root: Path = ROOT

    def having(self, **environ: str) -> Platform:
        """Return the same project, seen by commands that run in an environment with these variables as well."""
        return replace(self, environ={**self.environ, **environ})

    def invoke(self, *words: str, deadline: float = SECONDS) -> str:
        """Run the checkout's `invoke` to its end, within `deadline` seconds; return its output."""
        command = [str(self.root / ".venv" / "bin" / "invoke"), *words]
        return run(command, cwd=self.root, environ=self.environ, deadline=deadline).stdout

    def compose(self, *words: str, deadline: float = SECONDS) -> str:
        """Run plain `docker compose` on base and scale with the secrets that `invoke` made; return its output."""
        files = [word for name in FILES for word in ("-f", str(self.root / name))]
        environ = {**self.environ, "OPTIMUS_SECRETS_DIR": str(self.folder / "state" / "secrets")}
        return run(["docker", "compose", *files, *words], cwd=self.root, environ=environ, deadline=deadline).stdout

    def document(self) -> dict[str, Any]:
        """Return the merged Compose model."""
        return json.loads(self.compose("config", "--format", "json"))  # type: ignore[no-any-return]  # an object

    def lasting_services(self) -> list[str]:
        """Return the services that run until they are stopped: all but the migrations job."""
        return sorted(name for name in self.document()["services"] if name != "migrations")

    def clear(self) -> None:
        """Go back to nothing: no container, network or volume of this project."""
        # What Compose can't remove is removed one by one below.
        with suppress(OpsError):
            self.compose("down", "--volumes", "--remove-orphans", "--timeout", "1")
        remove_project(self.engine.api, self.project)

    def running(self, service: str) -> list[dict[str, Any]]:
        """Return the running containers of a service."""
        return [found for found in self.engine.containers(self.project, service) if found["State"]["Running"]]

    def ready(self, service: str) -> list[dict[str, Any]]:
        """Return the healthy containers of a service."""
        found = self.engine.containers(self.project, service)
        return [container for container in found if container["State"].get("Health", {}).get("Status") == "healthy"]

    def secret(self, name: str) -> str:
        """Return a secret of this project's own file."""
        lines = (self.folder / "env.secrets").read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith(f"{name}="))


@contextmanager
def platform(engine: Engine, environ: Mapping[str, str] | None = None, root: Path = ROOT) -> Iterator[Platform]:
    """Give a project with a fresh name, free ports and secrets; whatever happens, nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as name:
        folder = Path(name)
        ports = free_ports(2)
        project = f"optimus-benchmark-{secrets.token_hex(4)}"
        own = {
            "COMPOSE_PROJECT_NAME": project,
            "AI_ENGINE_PORT": str(ports[0]),
            "BACKEND_ORCHESTRATOR_PORT": str(ports[1]),
            "LB_BIND": "127.0.0.1",
            "OPTIMUS_STATE_DIR": str(folder / "state"),
            "OPTIMUS_SECRETS_FILE": str(folder / "env.secrets"),
            "OPTIMUS_ENVIRONMENT": "benchmark",
        }
        made = Platform(project, folder, ports[0], {**inherited_environ(), **own, **(environ or {})}, engine, root)
        try:
            made.invoke("secrets.init")
            yield made
        finally:
            with signals_ignored():
                made.clear()


def inherited_environ() -> dict[str, str]:
    """Return the environment for commands: without a stack's secrets, and with bytecode cached, as people have it."""
    return {key: os.environ[key] for key in os.environ if key not in {"OPTIMUS_SECRETS_DIR", "PYTHONDONTWRITEBYTECODE"}}


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no second Ctrl-C leave containers behind while the first one is being obeyed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
