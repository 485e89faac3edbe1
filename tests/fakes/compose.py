"""Docker Compose over the fake engine, that `engine.compose_port.Compose` describes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.engine import FakeEngine
from tests.fakes.host import reported

from optimus_ops.engine.compose_port import Compose, Existing
from optimus_ops.engine.port import Engine
from optimus_ops.model.stack import Stack
from optimus_ops.system.process import Completed

Job = Callable[[str, Sequence[str]], Completed]


def no_job(_service: str, command: Sequence[str]) -> Completed:
    return Completed(tuple(command), 0, "", "")


@dataclass(frozen=True)
class FakeCompose(Compose):
    """The files say what `model` says.

    Args:
        engine: the engine.
        model: the merged model without pins.
        job: runs the commands of `run_job`.
        stacks: merged model -> what it says, since few models are asked for often.
    """

    engine: FakeEngine = field(default_factory=FakeEngine)
    model: Mapping[str, Any] = field(default_factory=dict)
    job: Job = no_job
    stacks: dict[str, Stack] = field(default_factory=dict)

    @property
    def environ(self) -> Mapping[str, str]:
        return {}

    def with_variables(self, variables: Mapping[str, str]) -> Self:  # noqa: ARG002 - the model has none
        return self

    def document(self) -> Mapping[str, Any]:
        pins = self.pinned()
        services = dict(self.model.get("services", {}))
        for name, image in pins.images.items():
            services[name] = {**services[name], "image": image}
        for name, variables in pins.environment.items():
            services[name] = {**services[name], "environment": {**services[name].get("environment", {}), **variables}}
        return {**self.model, "services": services}

    def stack_of(self, document: Mapping[str, Any]) -> Stack:
        key = json.dumps(document, sort_keys=True)
        if key not in self.stacks:
            self.stacks[key] = super().stack_of(document)
        return self.stacks[key]

    def services(self) -> tuple[str, ...] | None:
        return tuple(self.model.get("services", {}))

    def hashes(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        services = document["services"].items()
        return {
            name: hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest() for name, service in services
        }

    def values(self, variables: Collection[str]) -> Mapping[str, str]:
        return dict.fromkeys(variables, "")

    @reported
    def create(
        self,
        counts: Mapping[str, int],
        others: Mapping[str, int],
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        del on_line
        self._scale({**others, **counts})

    @reported
    def up(
        self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: Callable[[str], None] | None = None
    ) -> None:
        del on_line
        hashes = self.hashes(self.document())
        for name in counts if existing == "replace" else ():
            for container in self._of(name):
                if container.config_hash != hashes[name]:
                    self.engine.containers.pop(container.id)
        self._scale(counts)
        for name in counts:
            for container in self._of(name):
                self.engine.report("up", "amid", counts)
                if not container.occupied:
                    self.engine.started.append(container)
                container.start(self.engine.clock.now)

    def _scale(self, counts: Mapping[str, int]) -> None:
        """Create or remove containers until each service has its count; newer numbers go first."""
        document, stack = self.document(), self.stack()
        hashes = self.hashes(document)
        for key, network in (document.get("networks") or {"default": {}}).items():
            name = (network or {}).get("name", f"{self.project.name}_{key}")
            self.engine.known_networks.setdefault(name, self.project.name)
        for key, volume in (document.get("volumes") or {}).items():
            name = (volume or {}).get("name", f"{self.project.name}_{key}")
            self.engine.known_volumes.setdefault(name, self.project.name)
        networks = self.engine.networks(self.project.name)
        for name, count in counts.items():
            there = self._of(name)
            for extra in there[count:]:
                self.engine.containers.pop(extra.id)
            first = max((container.number for container in there), default=0) + 1
            for number in range(first, first + count - len(there)):
                service = stack.services[name]
                address = f"10.0.{len(self.engine.containers) // 250}.{len(self.engine.containers) % 250 + 2}"
                self.engine.create(
                    self.project.name,
                    name,
                    number,
                    service.image,
                    config_hash=hashes[name],
                    labels=dict(service.labels),
                    environment=dict(service.environment),
                    published=service.published,
                    stop_seconds=service.stop_seconds,
                    networks=dict.fromkeys(networks, address),
                )
                self.engine.report("create", "amid", counts)

    def _of(self, service: str) -> list[Any]:
        found = [
            container
            for container in self.engine.containers.values()
            if container.project == self.project.name and container.service == service and not container.one_off
        ]
        return sorted(found, key=lambda container: container.number)

    @reported
    def run_job(
        self,
        service: str,
        command: Sequence[str],
        *,
        label: str,
        seconds: float,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        del label, seconds, on_line
        image = self.stack().services[service].image
        container = self.engine.create(self.project.name, service, 0, image, one_off=True)
        container.start(self.engine.clock.now)
        try:
            self.engine.report("run_job", "amid", service)
            return self.job(service, command)
        finally:
            self.engine.containers.pop(container.id, None)

    @reported
    def build(
        self,
        services: Sequence[str],
        *,
        override: Mapping[str, Any],
        arguments: Sequence[str],
        environ: Mapping[str, str],
        seconds: float,
        on_line: Callable[[str], None],
    ) -> None:
        del override, arguments, environ, seconds
        for name in services:
            self.engine.report("build", "amid", name)
            on_line(f"#1 naming {name}")
            self.engine.add_image(str(self.model["services"][name]["image"]))


def as_ports(engine: FakeEngine, compose: FakeCompose) -> tuple[Engine, Compose]:
    """Return both as their ports: that they are such is what the type checker proves."""
    return engine, compose
