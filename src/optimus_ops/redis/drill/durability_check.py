"""Durability check: which writes of a run are stored, and how many times; and removing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from optimus_ops.redis.drill.group import RedisNode
from optimus_ops.redis.drill.record import Write, WriteKind
from optimus_ops.redis.drill.service_workload import ServiceEndpoint
from optimus_ops.redis.drill.writers import key_of, stream_of

BATCH = 500
MOST_DELIVERIES = 5000


@dataclass(frozen=True)
class DurabilityCheck:
    """Looks up the writes of a run."""

    master: RedisNode
    run: str  # prefix of their ids
    kinds: Sequence[WriteKind]
    endpoints: Sequence[ServiceEndpoint]

    def count(self, writes: Sequence[Write]) -> dict[str, int]:
        """Return id of a write -> how many times it is stored."""
        repeated = {kind.name for kind in self.kinds if kind.repeats}
        keyed = [write for write in writes if write.kind not in repeated]
        with self.master.client() as client:
            exist = _exist(client, [self._keys(write)[0] for write in keyed])
            appended = Counter(str(fields.get("id")) for _entry, fields in client.xrange(stream_of(self.run)))
            delivered = Counter(self._deliveries(client))
        counts = {write.id: max(int(found), delivered[write.id]) for write, found in zip(keyed, exist, strict=True)}
        return counts | {write.id: appended[write.id] for write in writes if write.kind in repeated}

    def clear(self, writes: Iterable[Write]) -> None:
        """Remove what the run wrote."""
        keys = (key for write in writes for key in self._keys(write))
        with self.master.client() as client:
            for batch in _batches([stream_of(self.run), *keys]):
                client.unlink(*batch)

    def _keys(self, write: Write) -> tuple[str, ...]:
        """Return the keys that a write makes; the first one exists where it is stored."""
        through = next((endpoint for endpoint in self.endpoints if endpoint.kind.name == write.kind), None)
        return (key_of(write.id),) if through is None else tuple(through.workload.keys(write.id))

    def _deliveries(self, client: Any) -> Iterator[str]:
        """Yield the ids of the run's writes that had an effect, as often as they had it."""
        for endpoint in self.endpoints:
            if endpoint.workload.deliveries is None:
                continue
            stream, name = endpoint.workload.deliveries
            for _entry, fields in client.xrevrange(stream, count=MOST_DELIVERIES):
                if str(fields.get(name, "")).startswith(self.run):
                    yield str(fields[name])


def _exist(client: Any, keys: Sequence[str]) -> list[bool]:
    found: list[bool] = []
    for batch in _batches(keys):
        with client.pipeline(transaction=False) as pipeline:
            for key in batch:
                pipeline.exists(key)
            found += [bool(exists) for exists in pipeline.execute()]
    return found


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while batch := list(islice(left, BATCH)):
        yield batch
