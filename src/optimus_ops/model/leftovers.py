"""Leftovers: what carries a project's name and belongs to nothing in its files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from optimus_ops.model.state import Replica, short_id

MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Leftovers of one project.

    Args:
        orphans: containers of services that the files don't have.
        one_offs: containers of `docker compose run`.
        networks: those that the files don't have, used by nothing but such containers.
        images: ids of images that lost their name to a newer build, and that no container runs on.
    """

    orphans: tuple[Replica, ...] = ()
    one_offs: tuple[Replica, ...] = ()
    networks: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.containers or self.networks or self.images)

    @property
    def containers(self) -> tuple[Replica, ...]:
        """All containers."""
        return (*self.orphans, *self.one_offs)

    def without(self, containers: Collection[str]) -> Leftovers:
        """Return the same without some containers, by their ids."""
        orphans, one_offs = (
            tuple(replica for replica in replicas if replica.id not in containers)
            for replicas in (self.orphans, self.one_offs)
        )
        return replace(self, orphans=orphans, one_offs=one_offs)

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each kind that there is."""
        services = ", ".join(dict.fromkeys(replica.service for replica in self.orphans))
        lines = {
            f"no longer in the Compose files: {services} ({_named(self.orphans)})": self.orphans,
            f"left by `docker compose run`: {_named(self.one_offs)}": self.one_offs,
            f"networks that nothing uses: {', '.join(self.networks)}": self.networks,
            f"images whose name a newer build has: {_few([short_id(image) for image in self.images])}": self.images,
        }
        return tuple(line for line, items in lines.items() if items)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _named(replicas: Iterable[Replica]) -> str:
    return ", ".join(f"{replica.name} {replica.condition or 'runs'}" for replica in replicas)
