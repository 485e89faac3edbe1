"""What backend-orchestrator tells of the queue and of both Redis stores, beside itself."""

from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from backend_orchestrator.queue_figures import QueueCollector, read_queue
from backend_orchestrator.redis_figures import RedisCollector, read_info
from backend_orchestrator.snapshot import now
from optimus_kit.metrics import Metrics, Reading
from optimus_kit.redis import connect, connect_cache
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import ServiceSettings
from optimus_kit.tenancy import Tenants

SECONDS = 1.0


def show_stores(
    metrics: Metrics, service: ServiceSettings, secrets: SecretWatcher, tenants: Tenants
) -> tuple[Redis, Redis]:
    """Show them; what is away is asked at the next scrape again. Returns the clients, which the caller closes.

    The clients are for this alone: requests of the service never stand behind a scrape, nor that behind them.
    """
    # Asked again by the next scrape, so that a failed attempt isn't worth repeating.
    once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "max_connections": 4}
    once |= {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    state = connect(service.redis, secrets, decode_responses=True, **once)
    cache = connect_cache(service.redis_cache_url, secrets, **once)
    queue = Reading("queue", partial(read_queue, state))
    stores = {
        "state": Reading("Redis (state)", partial(read_info, state)),
        "cache": Reading("Redis (cache)", partial(read_info, cache)),
    }
    metrics.refreshed_by(queue.refresh)
    for reading in stores.values():
        metrics.refreshed_by(reading.refresh)
    metrics.add(QueueCollector(queue, lambda: frozenset(tenant.name for tenant in tenants.active()), now))
    metrics.add(RedisCollector(stores))
    return state, cache
