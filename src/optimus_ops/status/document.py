"""The document of `invoke status --json`: bytes, cores and seconds as numbers, None for unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from optimus_ops.engine.store_probes import Database, RedisServer, Sentinel, Store, Unreachable
from optimus_ops.model.state import Replica
from optimus_ops.status.model import Row, StatusSnapshot
from optimus_ops.status.usage import Usage

STORE_KINDS: dict[type[Store], str] = {
    Database: "postgres",
    RedisServer: "redis",
    Sentinel: "sentinel",
    Unreachable: "unreachable",
}


def status_json(snapshot: StatusSnapshot, rows: Sequence[Row]) -> dict[str, object]:
    """Return the document."""
    return {
        "project": snapshot.state.project,
        "at": snapshot.now.isoformat(timespec="seconds"),
        "running": any(replica.running for replica in snapshot.state.replicas),
        "good": all(row.good for row in rows),
        "services": [_row(row, snapshot) for row in rows],
        "differences": [asdict(difference) for difference in snapshot.differences],
        "leftovers": {
            "orphans": [replica.name for replica in snapshot.leftovers.orphans],
            "one_offs": [replica.name for replica in snapshot.leftovers.one_offs],
            "networks": list(snapshot.leftovers.networks),
            "images": list(snapshot.leftovers.images),
        },
        "old_balancer_workers": dict(snapshot.old_workers),
        "lines": [asdict(line) for line in snapshot.lines],
        "notes": list(snapshot.notes),
    }


def _row(row: Row, snapshot: StatusSnapshot) -> dict[str, object]:
    return {
        "service": row.service,
        "kind": row.kind,
        "ready": row.ready,
        "wanted": row.wanted,
        "image": row.image,
        "image_ids": list(row.image_ids),
        "stale_replicas": row.stale,
        "outdated": row.outdated,
        "youngest_seconds": row.ages and round(row.ages[0]),
        "oldest_seconds": row.ages and round(row.ages[1]),
        "cpus": _rounded(row.usage.cpus),
        "cpus_limit": row.usage.limits.cpus,
        "memory_bytes": row.usage.memory,
        "memory_limit_bytes": row.usage.limits.memory,
        "stores": {name: {"kind": STORE_KINDS[type(store)], **asdict(store)} for name, store in row.stores.items()},
        "problems": list(row.problems),
        "replicas": [_replica(replica, usage, snapshot) for replica, usage in row.replicas],
    }


def _replica(replica: Replica, usage: Usage, snapshot: StatusSnapshot) -> dict[str, object]:
    return {
        "name": replica.name,
        "hostname": replica.hostname,
        "node": replica.node,
        "status": replica.status,
        "health": replica.health,
        "exit_code": replica.exit_code,
        "last_lines": list(snapshot.last_lines.get(replica.id, ())),
        "ready": replica.ready,
        "image_id": replica.image_id,
        "cpus": _rounded(usage.cpus),
        "memory_bytes": usage.memory,
        "restarts": usage.limits.restarts,
        "report": list(snapshot.reports.get(replica.id, ())),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
