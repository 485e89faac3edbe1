"""What each container was made from: a digest of each thing that it was given, noted when it starts.

The engine doesn't know: a bind mount shows whatever is in the folder now, and Compose's own digest leaves out what
configs and secrets hold. A container that was started by somebody else is judged by what can be seen: files by when
they were written, what was copied into it by what is in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast

from optimus_ops.engine.keyed_digests import Key, digests, separately, written_after
from optimus_ops.model.container_inputs import Changed
from optimus_ops.system.atomic_write import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from optimus_ops.model.container_inputs import Given, Kind
    from optimus_ops.model.state import Replica

VERSION = 2


@dataclass(frozen=True)
class ConfigNotes:
    """The notes of one project: container id -> key of what it was given -> digest.

    Args:
        path: the file that holds them.
        key_path: the file that holds the key of the digests.
    """

    path: Path
    key_path: Path

    def read(self) -> dict[str, dict[str, str]]:
        """Return the notes; none if there are none, they can't be read, or they were made with another key."""
        key = Key.read(self.key_path)
        try:
            notes = json.loads(self.path.read_text("utf-8"))
            known = {str(container): dict(noted) for container, noted in notes["containers"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        good = key is not None and notes.get("version") == VERSION and notes.get("key") == key.id
        return known if good else {}

    def write(self, started: Mapping[str, Mapping[str, str]], there: Iterable[str]) -> None:
        """Note what containers were started with, and forget those that are gone.

        Args:
            started: container id -> key of what it was given -> digest.
            there: the ids of all containers of the project.
        """
        known = {**self.read(), **{container: dict(noted) for container, noted in started.items()}}
        kept = {container: known[container] for container in there if container in known}
        document = {"version": VERSION, "key": self.key().id, "containers": kept}
        write_private(self.path, json.dumps(document, indent=1))

    def key(self) -> Key:
        """Return the key of the digests, which is made where there is none."""
        return Key.made(self.key_path)


@dataclass(frozen=True)
class Giving:
    """What the containers of one service are given now.

    Args:
        given: what the Compose files say.
        secrets: the folder of the projected secrets.
        values: environment variable -> value, of those that hold something that is given.
    """

    given: tuple[Given, ...]
    secrets: Path
    values: Mapping[str, str]

    def digests(self, key: Key) -> dict[str, str]:
        """Return key of what is given -> digest."""
        return digests(self.things, key, self.values)

    @property
    def things(self) -> tuple[Given, ...]:
        """Return what is given, each secret by itself."""
        return separately(self.given, self.secrets)

    def changed_since(self, noted: Mapping[str, str], now: Mapping[str, str]) -> tuple[Changed, ...]:
        """Return what is another one than what was noted of a container.

        Args:
            noted: what was noted.
            now: the digests of now.
        """
        things = {thing.key: Changed(thing.kind, thing.name) for thing in self.things}
        gone = {key: _from_key(key) for key in noted if key not in things}
        return tuple({**{key: things[key] for key in now if noted.get(key) != now[key]}, **gone}.values())

    def changed_in(self, replica: Replica, read: Callable[[str, str], bytes | None]) -> tuple[Changed, ...]:
        """Return what is another one than what a container has of which nothing was noted.

        Args:
            replica: the container.
            read: returns what is in a container's file, None if it has none.
        """
        made = replica.created_at.timestamp() if replica.created_at is not None else float("inf")
        return tuple(
            Changed(thing.kind, thing.name)
            for thing in self.things
            if (thing.copied and self._differs(thing, replica, read)) or written_after(thing, made)
        )

    def _differs(self, thing: Given, replica: Replica, read: Callable[[str, str], bytes | None]) -> bool:
        has = read(replica.id, thing.target)
        return has is not None and has != self.values.get(thing.variable, thing.content).encode()


def _from_key(key: str) -> Changed:
    """Return what a key stood for that is given no more."""
    kind, _space, name = key.partition(" ")
    return Changed(cast("Kind", kind), PurePath(name).name if name.startswith("/") else name)
