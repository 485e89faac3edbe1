"""What the containers of a stack are given now, and what of it is another one than what they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.config_digests import InputRecords, ServiceInputs
from optimus_ops.engine.port import Engine
from optimus_ops.model.container_inputs import ChangedInput
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State


@dataclass(frozen=True)
class StackInputs:
    """What each service of a stack gives its containers.

    `values` has the environment variables that hold something of it; `coming` are projected secrets (`folder/name`)
    that will be written or removed before anything is started.
    """

    compose: Compose
    stack: Stack
    values: Mapping[str, str] = field(repr=False)
    coming: frozenset[str] = frozenset()

    @classmethod
    def of(cls, compose: Compose, stack: Stack, coming: Iterable[str] = ()) -> StackInputs:
        """Return what is given, with the values of the variables that hold something of it."""
        given = (item for service in stack.services.values() for item in service.inputs)
        return cls(compose, stack, compose.values({item.variable for item in given} - {""}), frozenset(coming))

    def inputs(self, service: str) -> ServiceInputs:
        """Return what the containers of one service are given."""
        return ServiceInputs(self.stack.services[service].inputs, self.compose.project.secrets, self.values)

    def note(self, services: Mapping[str, str], there: Iterable[str]) -> None:
        """Note what containers (id -> service) were started with, and forget all that are not `there` any more."""
        records = records_of(self.compose)
        key = records.key()
        known = {name: self.inputs(name).digests(key) for name in set(services.values()) & set(self.stack.services)}
        records.write({container: known[name] for container, name in services.items() if name in known}, there)

    def note_reloaded(self, container: str, service: str, there: Iterable[str]) -> None:
        """Note that a container has read its mounted files again, and forget nothing else of it."""
        records = records_of(self.compose)
        inputs = self.inputs(service)
        read = {item.key for item in inputs.items if item.kind == "configuration" and item.path}
        now = inputs.digests(records.key())
        before = records.read().get(container, now)
        records.write({container: {**before, **{key: now[key] for key in read if key in now}}}, there)

    def changes(
        self, engine: Engine, state: State, names: Iterable[str]
    ) -> tuple[dict[str, tuple[ChangedInput, ...]], frozenset[str]]:
        """Return container id -> what is another one now, and the containers of which it is known by records."""
        records = records_of(self.compose)
        recorded = records.read()
        found: dict[str, tuple[ChangedInput, ...]] = {}
        for name in names:
            replicas = state.of(name)
            inputs = self.inputs(name)
            now = inputs.digests(records.key()) if any(replica.id in recorded for replica in replicas) else {}
            coming = self._coming(name)
            for replica in replicas:
                own = (
                    inputs.changed_since(recorded[replica.id], now)
                    if replica.id in recorded
                    else inputs.changed_in(replica, engine.read_file)
                )
                found[replica.id] = tuple(dict.fromkeys([*own, *coming]))
        return {container: changes for container, changes in found.items() if changes}, frozenset(recorded)

    def _coming(self, service: str) -> tuple[ChangedInput, ...]:
        """Return the secrets of a service that will be others by the time that its containers start."""
        secrets = self.compose.project.secrets
        paths = (Path(item.path) for item in self.stack.services[service].inputs if item.path)
        folders = {path.relative_to(secrets).as_posix() for path in paths if path.is_relative_to(secrets)}
        parts = (name.rpartition("/") for name in sorted(self.coming))
        return tuple(ChangedInput("secret", name) for folder, _slash, name in parts if folder in folders)


def records_of(compose: Compose) -> InputRecords:
    """Return a project's records of what its containers were started with."""
    folder = compose.project.state / "configs"
    return InputRecords(folder / f"{compose.project.name}.json", folder / f"{compose.project.name}.key")
