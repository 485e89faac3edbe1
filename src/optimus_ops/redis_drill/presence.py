"""Looking for what was written, and clearing it away."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from optimus_ops.redis_drill.writers import key_of, stream_of
from optimus_ops.redis_ha.client import open_client
from optimus_ops.redis_ha.facts import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from optimus_ops.redis_drill.peers import Peer
    from optimus_ops.redis_drill.record import Kind, Write

AT_ONCE = 500


def count_present(master: Peer, run: str, writes: Iterable[Write], kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Return id of a write -> how many times it is there, of all that went straight to Redis.

    Args:
        master: who is asked.
        run: prefix of the ids.
        writes: every write.
        kinds: name -> kind.
    """
    straight = [write for write in writes if not kinds[write.kind].service]
    single = [write.id for write in straight if not kinds[write.kind].repeats]
    with open_client(Address(master.host, master.port), master.login) as client:
        found = {name: int(there) for name, there in zip(single, _exist(client, single), strict=True)}
        entries = Counter(fields.get("id", "") for _entry, fields in client.xrange(stream_of(run)))
    return found | {write.id: entries[write.id] for write in straight if kinds[write.kind].repeats}


def clear(master: Peer, run: str, writes: Iterable[Write]) -> None:
    """Remove what a run wrote."""
    with open_client(Address(master.host, master.port), master.login) as client:
        for some in _parts([stream_of(run), *(key_of(write.id) for write in writes)]):
            client.unlink(*some)


def _exist(client: Any, names: Sequence[str]) -> Iterator[bool]:
    for some in _parts(names):
        yield from (value is not None for value in client.mget([key_of(name) for name in some]))


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while part := list(islice(left, AT_ONCE)):
        yield part
