"""A small shop on the fake engine: a database, migrations, replicas behind a balancer, a worker without a port."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock
from tests.fakes.compose import FakeCompose
from tests.fakes.containers import Behaviour, FakeContainer
from tests.fakes.engine import FakeEngine
from tests.support.open_journals import close_journals

from optimus_ops.balancer.routing import Answer, Prober
from optimus_ops.change.options import ChangeOptions
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.model.state import sorted_state
from optimus_ops.project.settings import load_project
from optimus_ops.stack import overlays
from optimus_ops.stack.context import StackContext
from optimus_ops.system.process import Completed
from optimus_ops.text.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

    from optimus_ops.balancer.routing import Endpoint
    from optimus_ops.model.state import State
    from optimus_ops.project.settings import Project
    from optimus_ops.text.console import Progress

SCALABLE = {"com.optimus.scalable": "true"}
WEB_PORT = 8000
JOBS = {"migrations", "seed"}
MODEL: dict[str, Any] = {
    "name": "shop",
    "networks": {"default": {"name": "shop_default"}},
    "volumes": {"data": {"name": "shop_data"}},
    "services": {
        "db": {"image": "db:1", "healthcheck": {"test": ["CMD", "true"]}},
        "migrations": {
            "image": "web:1",
            "depends_on": {"db": {"condition": "service_healthy"}},
            "labels": {
                "com.optimus.migrations.revision": "revision",
                "com.optimus.migrations.downgrade": "downgrade",
            },
        },
        "web": {
            "image": "web:1",
            "labels": SCALABLE,
            "expose": [str(WEB_PORT)],
            "depends_on": {"migrations": {"condition": "service_completed_successfully"}},
            "stop_grace_period": "20s",
        },
        "seed": {"image": "worker:1"},
        "worker": {
            "image": "worker:1",
            "labels": SCALABLE,
            "depends_on": {"seed": {"condition": "service_completed_successfully"}},
        },
        "nginx-lb": {"image": "nginx:1", "depends_on": {"web": {"condition": "service_started"}}},
    },
}
LOGGED = json.dumps(
    {
        "upstream": "10.0.0.2:8000",
        "upstream_status": "200",
        "upstream_connect_seconds": "0.001",
        "upstream_header_seconds": "0.01",
        "seconds": "0.01",
    }
)
"""A line of the balancer's log."""
NO_CHECK = Behaviour(healthy_after=None)
JOB = Behaviour(healthy_after=None, exits_after=1.0, output=("done",))
IMAGES = {
    "db:1": Behaviour(),
    "web:1": Behaviour(),
    "web:2": Behaviour(healthy_after=1.5),
    "web:mute": Behaviour(healthy_after=1e9, output=("still loading",)),
    "web:ends": Behaviour(healthy_after=0.5, exits_after=3.0, exit_code=7, output=("no such table",)),
    "worker:1": NO_CHECK,
    "worker:2": NO_CHECK,
    "nginx:1": Behaviour(healthy_after=None, output=(LOGGED,)),
}


@dataclass
class Schema:
    """The database's schema: at the version of the image that migrated it last, unless that was taken back."""

    revision: str = "1"

    def migrate(self, image: str) -> None:
        """Note that a migrations job ended."""
        self.revision = image.rpartition(":")[2]

    def ask(self, _service: str, command: Sequence[str]) -> Completed:
        """Answer what the migrations job is asked."""
        if command[0] == "downgrade":
            self.revision = command[1]
        return Completed(tuple(command), 0, f"{self.revision}\n", "")


class Printed(io.StringIO):
    """What was printed; a step that a dead process left open may be closed after this was collected."""

    def close(self) -> None:
        """Stay open."""


@dataclass
class Shop:
    """The shop: its engine, its project's folder, and what was printed."""

    engine: FakeEngine
    compose: FakeCompose
    schema: Schema
    printed: io.StringIO = field(default_factory=Printed)
    turns: int = 0

    @classmethod
    def open(cls, folder: Path, model: Mapping[str, Any] = MODEL) -> Shop:
        """Return a shop of which nothing runs."""
        engine = FakeEngine(FakeClock(least=0.25), behaviours={"seed": JOB})
        for number, (name, behaviour) in enumerate(IMAGES.items(), start=1):
            engine.behaviours[engine.add_image(name, f"sha256:{number:012x}{0:052x}")] = behaviour
        return cls._with(folder, engine, model, Schema())

    @classmethod
    def _with(cls, folder: Path, engine: FakeEngine, model: Mapping[str, Any], schema: Schema) -> Shop:
        engine.behaviours["migrations"] = replace(JOB, on_exit=schema.migrate)
        (folder / "docker-compose.yml").write_text("services: {}\n", "utf-8")
        project = load_project(folder, {"COMPOSE_PROJECT_NAME": "shop"})
        files = (project.compose / project.base,)
        return cls(engine, FakeCompose(project, files, engine=engine, model=model, job=schema.ask), schema)

    def copy(self, folder: Path) -> Shop:
        """Return the same shop in another folder."""
        shutil.copytree(self.project.root, folder, dirs_exist_ok=True)
        made = self._with(folder, self.engine.copy(), self.compose.model, replace(self.schema))
        made.compose.stacks.update(self.compose.stacks)
        return made

    @property
    def project(self) -> Project:
        """Return the project."""
        return self.compose.project

    def open_to_tasks(self, patch: pytest.MonkeyPatch) -> None:
        """Let tasks find this shop, where they look for a project, its engine and Compose."""
        patch.setenv("OPTIMUS_ROOT", str(self.project.root))
        patch.setenv("COMPOSE_PROJECT_NAME", self.project.name)
        patch.setattr(DockerEngine, "connect", lambda **_options: self.engine)
        patch.setattr(overlays, "DockerCompose", lambda _project, files: replace(self.compose, files=files))

    def context(self, **options: Any) -> StackContext:
        """Return the stack, opened for a change."""
        console = QuietConsole(self.printed, live=False, colour=False)
        return StackContext(self.project, self.compose, self.engine, console, ChangeOptions(**options))

    @property
    def prober(self) -> Prober:
        """Return what sends requests through the balancer."""
        return Prober(self.ask, self.engine.clock)

    def ask(self, endpoint: Endpoint) -> Answer:
        """Answer as the balancer would: a ready replica after the other."""
        self.turns += 1
        if endpoint.port != WEB_PORT or not self.ready("nginx-lb") or not (ready := self.ready("web")):
            return Answer(502, "")
        return Answer(200, f"host-{ready[self.turns % len(ready)].id}")

    def state(self, service: str | None = None) -> State:
        """Observe, without being noticed, all containers or those of a service."""
        # Other threads may remove some meanwhile.
        there = [made for made in list(self.engine.containers.values()) if service in {None, made.service}]
        return sorted_state(self.project.name, [made.replica(self.engine.clock.now, "here") for made in there])

    def ready(self, service: str) -> list[FakeContainer]:
        """Return a service's ready containers; called at each call to the engine."""
        there = [made for made in list(self.engine.containers.values()) if made.service == service]
        return [made for made in there if made.ready(self.engine.clock.now)]

    def snapshot(self) -> dict[str, Any]:
        """Return everything that an undo has to restore; containers of jobs may come and go."""
        engine, state = self.engine, self.project.state
        files = [path for name in ("pins", "kept") for path in sorted((state / name).glob("*"))]
        return {
            "containers": {
                found.name: (found.id, found.status, found.health)
                for found in self.state().replicas
                if found.service not in JOBS
            },
            "images": {key: sorted(image.names) for key, image in engine.known_images.items()},
            "schema": self.schema.revision,
            "networks": dict(engine.known_networks),
            "volumes": dict(engine.known_volumes),
            "files": {path.name: path.read_text("utf-8") for path in files},
        }

    def journal(self) -> list[dict[str, Any]]:
        """Return the events of the last change."""
        paths = sorted((self.project.state / "journal").glob("*.jsonl"))
        return [json.loads(line) for line in paths[-1].read_text("utf-8").splitlines()] if paths else []

    def process_ends(self) -> None:
        """Close the journals that a process would leave open until its end."""
        close_journals(self.project.state / "journal")


@contextlib.contextmanager
def memory_folder() -> Iterator[Path]:
    """Give a folder that is in memory where the host has such."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


class QuietConsole(Console):
    """A console that shows a step when it ends, and starts no thread to say so earlier."""

    @contextlib.contextmanager
    def _ticking(self, progress: Progress, prefix: str) -> Iterator[None]:  # noqa: ARG002
        yield
