"""What the fake engine knows, and how a test hears of each call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar

from tests.fakes.clock import FakeClock
from tests.fakes.containers import EPOCH, KILLED, Behaviour, FakeContainer

from optimus_ops.engine.errors import EngineGone, NoSuchThing
from optimus_ops.engine.values import Image
from optimus_ops.system.process import Completed

Phase = Literal["before", "amid", "after"]
P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Call:
    """One moment of a call to the engine."""

    name: str
    phase: Phase
    arguments: tuple[Any, ...] = ()


Hook = Callable[[Call], None]


def reported(method: Callable[Concatenate[Any, P], Result]) -> Callable[Concatenate[Any, P], Result]:
    """Report a call to the engine's hook before and after it; it fails where the engine is gone."""

    @wraps(method)
    def call(self: Any, /, *args: P.args, **options: P.kwargs) -> Result:
        engine: FakeHost = getattr(self, "engine", self)
        engine.report(method.__name__, "before", *args)
        result = method(self, *args, **options)
        engine.report(method.__name__, "after", *args)
        return result

    return call


@dataclass
class FakeHost:
    """What the engine knows; tests write its fields.

    Args:
        clock: its time.
        hook: told of every call.
        gone: whether it stopped answering.
        containers: id -> container.
        behaviours: image id or service -> how its containers behave.
        known_images: id -> image; `names` are moved by `tag` and builds.
        known_networks: name -> project.
        known_volumes: name -> project.
        registry: name -> digest in its registry.
        on_exec: runs commands in containers.
        signals: container and signal, as they were sent.
        started: containers, as they were started.
        image_files: path -> content, in every image.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    hook: Hook | None = None
    gone: bool = False
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    known_images: dict[str, Image] = field(default_factory=dict)
    known_networks: dict[str, str] = field(default_factory=dict)
    known_volumes: dict[str, str] = field(default_factory=dict)
    registry: dict[str, str] = field(default_factory=dict)
    on_exec: Callable[[str, Sequence[str]], Completed] = lambda _container, command: Completed(
        tuple(command), 0, "", ""
    )
    signals: list[tuple[str, str]] = field(default_factory=list)
    started: list[FakeContainer] = field(default_factory=list)
    image_files: dict[str, bytes] = field(default_factory=lambda: {"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"})
    node: str = "here"
    root: str = "/nowhere"
    memory: int = 64 * 1024**3
    cpus: float = 64.0
    version: str = "28"
    _made: int = 0

    # What tests do

    def copy(self) -> Self:
        """Return an engine that knows the same, and is on its own from then on."""
        containers = {key: container.copy() for key, container in self.containers.items()}
        return replace(
            self,
            clock=replace(self.clock, alarms=dict(self.clock.alarms)),
            containers=containers,
            behaviours=dict(self.behaviours),
            known_images=dict(self.known_images),
            known_networks=dict(self.known_networks),
            known_volumes=dict(self.known_volumes),
            registry=dict(self.registry),
            signals=list(self.signals),
            started=[containers.get(container.id, container) for container in self.started],
            image_files=dict(self.image_files),
        )

    def report(self, name: str, phase: Phase, *arguments: Any) -> None:
        if self.gone:
            raise EngineGone("it is not there")
        if self.hook is not None:
            self.hook(Call(name, phase, arguments))
        if self.gone:
            raise EngineGone("it is not there")

    def crash(self, container: str, code: int = KILLED) -> None:
        """End a container as if by itself."""
        self.containers[container].end(code)

    def add_image(self, name: str, image_id: str = "", **facts: Any) -> str:
        """Give a name to an image, as a build or a pull does; return its id."""
        image_id = image_id or f"sha256:{len(self.known_images) + 1:064x}"
        for key, image in self.known_images.items():
            self.known_images[key] = replace(image, names=tuple(known for known in image.names if known != name))
        former = self.known_images.get(image_id, Image(image_id, **facts))
        self.known_images[image_id] = replace(former, names=(*former.names, name))
        return image_id

    def create(self, project: str, service: str, number: int, image: str, **facts: Any) -> FakeContainer:
        """Create a container, as Compose does."""
        image_id = self._image_id(image)
        self._made += 1
        key = f"{service}-{number}-{self._made}"
        behaviour = self.behaviours.get(service, self.behaviours.get(image_id, Behaviour()))
        container = FakeContainer(
            key,
            f"{project}-{service}-{number}",
            project,
            service,
            number,
            image,
            image_id,
            behaviour,
            self.clock.now,
            **facts,
        )
        self.containers[key] = container
        return container

    def _image_id(self, name: str) -> str:
        found = self._find_image(name)
        if found is None:
            raise NoSuchThing(f"no such image: {name}")
        return found.id

    def _find_image(self, name: str) -> Image | None:
        return next((image for key, image in self.known_images.items() if name == key or name in image.names), None)

    def _get(self, container: str) -> FakeContainer:
        if container not in self.containers:
            raise NoSuchThing(f"no such container: {container}")
        found = self.containers[container]
        found.advance(self.clock.now)
        return found

    # The host

    def answers(self) -> bool:
        return not self.gone

    def now(self) -> datetime | None:
        return EPOCH + timedelta(seconds=self.clock.now)

    def within(self, seconds: float | None) -> Self:  # noqa: ARG002 - it answers at once
        return self

    def plugin_version(self, name: Literal["compose", "buildx"]) -> str | None:  # noqa: ARG002 - both are there
        return "2.40.0"
