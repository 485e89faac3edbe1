"""A backlog after a spike: worked off fairly, and whole, though workers die over it."""

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis
from tests.e2e.asking import deliver, notification, together, unique
from tests.e2e.driven import OwnPlatform, until

FLOOD, QUIET = 1000, 10
# In a worker that is killed nothing is answered: the model takes a minute.
SLOW = {"QUEUE_MODEL": "embedded/60000", "QUEUE_CONCURRENCY": "40"}


@pytest.fixture
def store(own_platform: OwnPlatform) -> Iterator[Redis]:
    with Redis.from_url(own_platform.redis_url, decode_responses=True) as client:
        yield client


def queue(http: httpx.Client, platform: OwnPlatform, tenant: str, count: int) -> list[str]:
    """Deliver messages of as many senders in one call; return their ids."""
    ids = [unique(tenant) for _ in range(count)]
    calls = [notification(name, "hello", tenant, sender=f"55{number}") for number, name in enumerate(ids)]
    assert deliver(http, platform, together(calls)).status_code == 200
    return ids


def answers(store: Redis, tenant: str, ids: Sequence[str]) -> list[tuple[int, str]]:
    """When each answer to these messages was given (ms), and its message."""
    found: list[tuple[str, dict[str, str]]] = store.xrange(f"optimus:outbox:{tenant}")  # type: ignore[assignment]
    wanted = set(ids)
    return [
        (int(entry.partition("-")[0]), fields["message_id"])
        for entry, fields in found
        if fields["message_id"] in wanted
    ]


def all_answered(store: Redis, tenant: str, ids: Sequence[str]) -> list[tuple[int, str]]:
    """Wait until each has an answer, as long as there are more and more."""
    while len(found := answers(store, tenant, ids)) < len(ids):
        before = len(found)
        until(lambda before=before: len(answers(store, tenant, ids)) > before or None)  # type: ignore[misc]
    return found


@contextmanager
def paused_worker(platform: OwnPlatform, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that takes nothing before it is continued: what is queued meanwhile waits for no start of a process."""
    engine = platform.ai_engines[1]
    with platform.launcher.running("backend_orchestrator", name, "worker", AI_ENGINE_URL=engine, **SLOW) as worker:
        worker.wait_until_up()
        worker.process.send_signal(signal.SIGSTOP)
        yield worker.process


def kill_amid(process: subprocess.Popen[bytes], store: Redis, name: str) -> None:
    """Let a worker go on, and kill it once it has messages in hand."""

    def in_hand() -> bool | None:
        consumers: list[dict[str, object]] = store.xinfo_consumers("optimus:queue:inbound", "workers")
        mine = (found for found in consumers if str(found["name"]).startswith(name))
        return any(int(str(found["pending"])) > 0 for found in mine) or None

    process.send_signal(signal.SIGCONT)
    until(in_hand)
    process.kill()
    process.wait()


def test_a_backlog_holds_up_no_other_tenant_and_dying_workers_lose_and_double_nothing_of_it(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    with paused_worker(own_platform, "first") as first, paused_worker(own_platform, "second") as second:
        flood = queue(http, own_platform, "acme", FLOOD)
        kill_amid(first, store, "first")
        quiet = queue(http, own_platform, "globex", QUIET)
        queued_at = min(float(str(store.hget(f"optimus:message:globex:{name}", "queued_at"))) for name in quiet)
        quiet_answers = all_answered(store, "globex", quiet)
        kill_amid(second, store, "second")
    flood_answers = all_answered(store, "acme", flood)
    last = max(moment for moment, _ in quiet_answers)
    between = [moment for moment, _ in flood_answers if 1000 * queued_at < moment < last]
    # Those in hand already, and one of the flood's beside each of the ten: of the hundreds that wait, a few.
    assert len(between) < FLOOD / 10
    for found, ids in ((quiet_answers, quiet), (flood_answers, flood)):
        assert Counter(name for _, name in found) == Counter(ids)
