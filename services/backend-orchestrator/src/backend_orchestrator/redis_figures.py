"""What a Redis server says of itself (INFO), as metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from optimus_kit.metrics import Reading

Info = Mapping[str, object]


@dataclass(frozen=True)
class _Figure:
    """One metric: its name, what it is, and the field of INFO that holds it."""

    name: str
    documentation: str
    field: str
    unit: str = ""


GAUGES = (
    _Figure("redis_memory_used_bytes", "Memory in use", "used_memory", "bytes"),
    _Figure("redis_memory_max_bytes", "Memory that may be used; 0 for no bound", "maxmemory", "bytes"),
    _Figure("redis_connected_clients", "Connections of clients", "connected_clients"),
    _Figure("redis_connected_replicas", "Replicas that follow the server", "connected_slaves"),
    _Figure("redis_uptime_seconds", "Time since the server's start", "uptime_in_seconds", "seconds"),
)
COUNTERS = (
    _Figure("redis_evicted_keys", "Keys that had to go for others", "evicted_keys"),
    _Figure("redis_expired_keys", "Keys whose time was over", "expired_keys"),
    _Figure("redis_commands_processed", "Commands", "total_commands_processed"),
    _Figure("redis_keyspace_hits", "Lookups of keys that were there", "keyspace_hits"),
    _Figure("redis_keyspace_misses", "Lookups of keys that were not there", "keyspace_misses"),
    _Figure("redis_rejected_connections", "Connections refused because of maxclients", "rejected_connections"),
)


async def read_info(redis: Redis) -> Info:
    """Ask a server for its figures.

    Raises:
        redis.exceptions.RedisError: it doesn't answer.
    """
    found: Info = await redis.info()
    return found


class RedisCollector(Collector):
    """Tells the latest figures of each store; of one that is away, only that it is.

    Args:
        stores: readings of INFO by the store's name.
    """

    def __init__(self, stores: Mapping[str, Reading[Info]]) -> None:
        self._stores = stores

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        found = {store: reading.value for store, reading in self._stores.items()}
        up = GaugeMetricFamily("optimus_redis_up", "1 if the store has told its figures just now", labels=("store",))
        for store, info in found.items():
            up.add_metric((store,), float(info is not None))
        yield up
        there = {store: info for store, info in found.items() if info is not None}
        for figure in GAUGES:
            yield _filled(
                GaugeMetricFamily(figure.name, figure.documentation, None, ("store",), figure.unit), figure, there
            )
        for figure in COUNTERS:
            yield _filled(CounterMetricFamily(figure.name, figure.documentation, None, ("store",)), figure, there)
        lag = GaugeMetricFamily(
            "redis_replication_lag_bytes", "How far the last replica is behind", None, ("store",), "bytes"
        )
        for store, info in there.items():
            if (behind := replication_lag(info)) is not None:
                lag.add_metric((store,), behind)
        yield lag


def _filled(family: Metric, figure: _Figure, stores: Mapping[str, Info]) -> Metric:
    for store, info in stores.items():
        value = info.get(figure.field)
        if isinstance(value, (int, float)):
            sample = f"{figure.name}_total" if family.type == "counter" else figure.name
            family.add_sample(sample, {"store": store}, value)
    return family


def replication_lag(info: Info) -> int | None:
    """Return how many bytes of what was written the replica that is furthest behind has not got; None without any."""
    written = info.get("master_repl_offset")
    replicas = (value for name, value in info.items() if name.startswith("slave") and isinstance(value, Mapping))
    offsets = [offset for replica in replicas if isinstance(offset := replica.get("offset"), int)]
    return max(0, written - min(offsets)) if offsets and isinstance(written, int) else None
