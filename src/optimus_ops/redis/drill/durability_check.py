"""Looking for what was written, and clearing it away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from optimus_ops.redis.client import open_client
from optimus_ops.redis.drill.service_workload import WEBHOOK
from optimus_ops.redis.drill.writers import key_of, stream_of
from optimus_ops.redis.model import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from optimus_ops.redis.drill.nodes import Peer
    from optimus_ops.redis.drill.record import Write
    from optimus_ops.redis.drill.service_workload import ServiceEndpoint

AT_ONCE = 500
MOST_ANSWERS = 5000


@dataclass(frozen=True)
class Places:
    """Where the writes of a run are to be found.

    Args:
        run: prefix of their ids.
        repeated: names of the kinds that append to the run's stream.
        doors: kind that goes through the services -> where it comes in.
    """

    run: str
    repeated: frozenset[str]
    doors: Mapping[str, ServiceEndpoint]

    def keys(self, write: Write) -> tuple[str, ...]:
        """Return the keys that a write makes; the first one tells whether it is there."""
        door = self.doors.get(write.kind)
        return (key_of(write.id),) if door is None else door.keys(write.id)


def count_present(master: Peer, places: Places, writes: Sequence[Write]) -> dict[str, int]:
    """Return id of a write -> how many times it is there.

    Args:
        master: who is asked.
        places: where to look.
        writes: every write.
    """
    keyed = [write for write in writes if write.kind not in places.repeated]
    with open_client(Address(master.host, master.port), master.login) as client:
        there = _exist(client, [places.keys(write)[0] for write in keyed])
        found = {write.id: int(one) for write, one in zip(keyed, there, strict=True)}
        appended = Counter(str(fields.get("id")) for _entry, fields in client.xrange(stream_of(places.run)))
        answered = Counter(name for door in places.doors.values() for name in _answered(client, door, places.run))
    for name, times in answered.items():
        found[name] = max(found.get(name, 0), times)
    return found | {write.id: appended[write.id] for write in writes if write.kind in places.repeated}


def clear(master: Peer, places: Places, writes: Iterable[Write]) -> None:
    """Remove what a run wrote."""
    with open_client(Address(master.host, master.port), master.login) as client:
        keys = (key for write in writes for key in places.keys(write))
        for some in _parts([stream_of(places.run), *keys]):
            client.unlink(*some)


def _exist(client: Any, keys: Sequence[str]) -> Iterator[bool]:
    for some in _parts(keys):
        with client.pipeline(transaction=False) as sent:
            for key in some:
                sent.exists(key)
            yield from (bool(one) for one in sent.execute())


def _answered(client: Any, door: ServiceEndpoint, run: str) -> Iterator[str]:
    """Give the ids of the run's messages that were answered, each as often as it was."""
    if door.kind is not WEBHOOK:
        return
    for _entry, fields in client.xrevrange(door.answers, count=MOST_ANSWERS):
        if str(fields.get("message_id", "")).startswith(run):
            yield str(fields["message_id"])


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while part := list(islice(left, AT_ONCE)):
        yield part
