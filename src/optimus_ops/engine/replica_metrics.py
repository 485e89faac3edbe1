"""`/metrics` of a replica, asked at its container's address: past any proxy, for that is one of this host."""

from __future__ import annotations

import http.client

from optimus_ops.model.state import Replica

MOST_BYTES = 4 * 1024**2


def replica_metrics(replica: Replica, port: int, seconds: float) -> str | None:
    """Return what a replica answers at the first of its addresses that does; None where none gives a whole answer."""
    for address in filter(None, replica.addresses.values()):
        try:
            return _get(address, port, seconds)
        except (OSError, http.client.HTTPException):
            continue
    return None


def _get(address: str, port: int, seconds: float) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", "/metrics", headers={"User-Agent": "optimus-ops", "Connection": "close"})
        response = connection.getresponse()
        content = response.read(MOST_BYTES)
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"status {response.status}")
        return content.decode("utf-8", "replace")
    finally:
        connection.close()
