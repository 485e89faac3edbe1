"""The pool of database connections, as metrics."""

from prometheus_client import Counter, Gauge

from memory_engine.database import Database
from memory_engine.settings import MemorySettings
from optimus_kit.metrics import Following, Metrics


def show_pool(metrics: Metrics, database: Database, settings: MemorySettings) -> None:
    """Show the pool of this process; of several processes, the sums are shown."""
    connections = _gauge(metrics, "db_client_connections", "Connections lent out (used) and not (idle)", "state")
    used, idle = connections.labels("used"), connections.labels("idle")
    most = _gauge(metrics, "db_client_connections_max", "Connections that the pools of the replica hold at most")
    budget = Gauge(
        "optimus_database_connections_budget",
        "Connections that the replica may hold with all its processes",
        registry=metrics.registry,
        multiprocess_mode="livemax",
    )
    pending = _gauge(metrics, "db_client_connections_pending_requests", "Requests that wait for a connection")
    timeouts = _following(metrics, "db_client_connections_timeouts", "Requests that waited for a connection in vain")
    waited = _following(metrics, "db_client_connections_waited", "Requests that had to wait for a connection")
    seconds = _following(metrics, "db_client_connections_wait_seconds", "Time that requests waited for a connection")
    lost = _following(metrics, "db_client_connections_lost", "Connections that were found broken")

    def update() -> None:
        pool = database.pool_figures()
        used.set(pool.used)
        idle.set(pool.idle)
        most.set(settings.database.budget)
        budget.set(settings.database.budget * settings.service.web_concurrency)
        pending.set(pool.pending)
        timeouts(pool.timeouts)
        waited(pool.waited)
        seconds(pool.wait_seconds)
        lost(pool.lost)

    metrics.before(update)


def _gauge(metrics: Metrics, name: str, documentation: str, *labels: str) -> Gauge:
    return Gauge(name, documentation, labels, registry=metrics.registry, multiprocess_mode="livesum")


def _following(metrics: Metrics, name: str, documentation: str) -> Following:
    unit = "seconds" if name.endswith("_seconds") else ""
    return Following(Counter(name, documentation, unit=unit, registry=metrics.registry))
