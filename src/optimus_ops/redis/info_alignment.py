"""The best time for a failover: a sentinel learns of a promotion by INFO, so its next INFO has to come right after.

See `coordinated_failover`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError

from optimus_ops.redis.observe_sentinel import peer, periods_of
from optimus_ops.redis.sentinel import DOWN_FLAGS
from optimus_ops.system.wait import wait_until

POLL_SECONDS = 0.005
INFO_PERIOD = "info-period"
ALIGNED_MS, ALIGNED_SECONDS = 50, 0.3
"""Period at which each replica is asked, and for how long: each within a turn of the sentinel's timer, 53 to 100 ms."""
APART_MS = 10_000
"""Redis' own default. During a failover it is one second, whatever was set."""
ALIGNMENT_SECONDS = 12.0
"""Outside of a failover a sentinel sends INFO every ten seconds, unless it was told to do it more often."""
FRESH_MS, STALE_MS = 600, 680
"""Age of the last INFO at which to ask: the next one, due at 1000 ms, is sent 320 to 400 ms later. By then the replica
is promoted: three turns of the sentinel's timer, of 53 to 100 ms each."""


@contextlib.contextmanager
def aligned_info(client: Any) -> Iterator[None]:
    """Have the sentinel ask all replicas for INFO at the same time, and then not again for a while.

    It asks each at its own time, and prefers the one of whose stream it has heard last: with half a second between
    two replicas, the one that it would choose now is never the one whose answer is old enough.
    """
    try:
        before = periods_of(client)[INFO_PERIOD]
        client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, ALIGNED_MS)
    except (ResponseError, KeyError):
        # Before Redis 7, or without permission.
        yield
        return
    try:
        time.sleep(ALIGNED_SECONDS)
        client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, APART_MS)
        yield
    finally:
        with contextlib.suppress(RedisError):
            client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, before)


def await_alignment(client: Any, master: str, patience: float) -> None:
    """Wait until the sentinel's next INFO will find the replica promoted; go on without, if that takes too long."""

    def is_aligned() -> bool:
        best = likely_choice(client.sentinel_slaves(master))
        return best is None or FRESH_MS <= int(best.get("info-refresh", 0)) <= STALE_MS

    if patience:
        wait_until(is_aligned, patience, poll=POLL_SECONDS)


def likely_choice(replicas: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the entry of SENTINEL REPLICAS that the sentinel would promote; None if there is none.

    Source: sentinelSelectSlave of Redis: the lowest priority above 0, then the highest offset, then the lowest run id.
    """
    able = [raw for raw in replicas if int(raw.get("slave-priority", 0)) > 0 and not DOWN_FLAGS & peer(raw).flags]
    return min(
        able,
        key=lambda raw: (int(raw["slave-priority"]), -int(raw.get("slave-repl-offset", 0)), str(raw.get("runid", ""))),
        default=None,
    )
