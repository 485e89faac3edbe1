"""Digests of the configuration and secrets that each container was created with, recorded when it starts.

The engine doesn't know: a bind mount shows whatever is in the folder now, and Compose's own digest leaves out the
content of configs and secrets. Without a record, since somebody else started the container, files are judged by when
they were written, and copied content by what the container has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from optimus_ops.engine.keyed_digests import Key, digests, split_secrets, written_after
from optimus_ops.model.container_inputs import ChangedInput, ContainerInput, Kind
from optimus_ops.model.state import Replica
from optimus_ops.system.atomic_write import atomic_write

VERSION = 2


@dataclass(frozen=True)
class InputRecords:
    """The records of one project: container id -> key of what it was given -> digest, in a file."""

    path: Path
    key_path: Path

    def read(self) -> dict[str, dict[str, str]]:
        """Return the records; none if they are missing, can't be read, or were made with another key."""
        key = Key.read(self.key_path)
        try:
            records = json.loads(self.path.read_text("utf-8"))
            known = {str(container): dict(recorded) for container, recorded in records["containers"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        good = key is not None and records.get("version") == VERSION and records.get("key") == key.id
        return known if good else {}

    def write(self, started: Mapping[str, Mapping[str, str]], there: Iterable[str]) -> None:
        """Record what containers were started with, and forget all but the project's containers (`there`)."""
        known = {**self.read(), **{container: dict(recorded) for container, recorded in started.items()}}
        kept = {container: known[container] for container in there if container in known}
        document = {"version": VERSION, "key": self.key().id, "containers": kept}
        atomic_write(self.path, json.dumps(document, indent=1))

    def key(self) -> Key:
        """Return the key of the digests, created where it is missing."""
        return Key.made(self.key_path)


@dataclass(frozen=True)
class ServiceInputs:
    """Configuration and secrets of a service's containers now.

    `values` has the environment variables that configs and secrets are made from.
    """

    given: tuple[ContainerInput, ...]
    secrets: Path
    values: Mapping[str, str]

    def digests(self, key: Key) -> dict[str, str]:
        """Return key of what is given -> digest."""
        return digests(self.items, key, self.values)

    @property
    def items(self) -> tuple[ContainerInput, ...]:
        """Return what is given, each secret by itself."""
        return split_secrets(self.given, self.secrets)

    def changed_since(self, recorded: Mapping[str, str], now: Mapping[str, str]) -> tuple[ChangedInput, ...]:
        """Return what changed since a container's record, by the digests of now."""
        items = {item.key: ChangedInput(item.kind, item.name) for item in self.items}
        gone = {key: _from_key(key) for key in recorded if key not in items}
        return tuple({**{key: items[key] for key in now if recorded.get(key) != now[key]}, **gone}.values())

    def changed_in(self, replica: Replica, read: Callable[[str, str], bytes | None]) -> tuple[ChangedInput, ...]:
        """Return what changed since a container without a record was created; `read` returns a file's content in it."""
        made = replica.created_at.timestamp() if replica.created_at is not None else float("inf")
        return tuple(
            ChangedInput(item.kind, item.name)
            for item in self.items
            if (item.copied and self._differs(item, replica, read)) or written_after(item, made)
        )

    def _differs(self, item: ContainerInput, replica: Replica, read: Callable[[str, str], bytes | None]) -> bool:
        has = read(replica.id, item.target)
        return has is not None and has != self.values.get(item.variable, item.content).encode()


def _from_key(key: str) -> ChangedInput:
    """Return the change of something that is no longer given, by its key."""
    kind, _space, name = key.partition(" ")
    return ChangedInput(cast("Kind", kind), PurePath(name).name if name.startswith("/") else name)
