"""Conversations in Redis: how they are written down, and how much of them a tenant may keep."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from redis.exceptions import RedisError

from ai_engine.providers.base import Turn
from ai_engine.store import Argument, Store, StoreUnavailable
from optimus_kit.redis.scripts import Script

LOOK_SECONDS = 30.0
SHARE = 0.4
"""Part of Redis's memory that conversations may take: the rest is for queues and what else must not be refused."""
UNBOUNDED_BYTES = 76 << 20
"""What they may take of a Redis that tells no maxmemory."""

KEEP = Script(files("ai_engine").joinpath("keep.lua").read_text(encoding="utf-8"))

log = logging.getLogger("ai_engine.conversations")


@dataclass(frozen=True)
class SessionSettings:
    """Bounds of conversations.

    Args:
        max_messages: entries kept of one, the newest.
        ttl: life after the last turn, in seconds.
        max_bytes: memory of one.
        max_sessions: conversations of a tenant, those with the latest turns.
        total_bytes: memory of all tenants' conversations together, in equal shares; None: two fifths of Redis's.
    """

    max_messages: int = 40
    ttl: int = 86_400
    max_bytes: int = 3 << 19
    max_sessions: int = 10_000
    total_bytes: int | None = None


@dataclass(frozen=True)
class Stored:
    """What became of a turn.

    Args:
        kept: whether the conversation has it.
        trimmed: older entries of the conversation that went for it.
        evicted: other conversations of the tenant that went for it.
    """

    kept: bool = True
    trimmed: int = 0
    evicted: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """The response headers that tell it; none where all is as expected."""
        told = {} if self.kept else {"X-Session-Stored": "false"}
        counts = {"X-Session-Trimmed": self.trimmed, "X-Sessions-Evicted": self.evicted}
        return told | {name: str(count) for name, count in counts.items() if count}


NOT_STORED = Stored(kept=False)


class Conversations:
    """Keeps turns, within each tenant's bounds.

    Args:
        store: where they are.
        settings: their bounds.
        tenants: how many tenants share the memory.
    """

    def __init__(self, store: Store, settings: SessionSettings, tenants: Callable[[], int] = lambda: 1) -> None:
        self._store = store
        self._settings = settings
        self._tenants = tenants
        self._total = settings.total_bytes or UNBOUNDED_BYTES

    @property
    def share(self) -> int:
        """Memory that the conversations of each tenant may take, in bytes."""
        return self._total // max(1, self._tenants())

    async def keep(self, tenant: str, session: str, turn: str, turns: Sequence[Turn], *, durable: bool) -> Stored:
        """Append turns to a conversation, once for each id `turn`. A store that is away or full is no error."""
        history = session_key(tenant, session)
        keys = (history, f"{history}:turn", f"optimus:sessions:{tenant}", f"optimus:session-bytes:{tenant}")
        bounds = self._settings
        most = (bounds.max_messages, bounds.max_bytes, self.share, bounds.max_sessions)
        entries = tuple(map(encode_turn, turns))
        arguments: tuple[Argument, ...] = (turn, session, session_key(tenant, ""), bounds.ttl, *most, *entries)
        try:
            kept, trimmed, evicted = await self._store.run(KEEP, keys, arguments, durable=durable)
        except (StoreUnavailable, RedisError) as error:
            log.warning("turn not kept: %s", error)
            return NOT_STORED
        return Stored(bool(kept), trimmed, evicted)

    async def follow_memory(self) -> None:
        """Keep what all may take at the part of Redis's memory that is theirs, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask Redis how much memory it may use. One that does not say leaves things as they are."""
        try:
            answer = await self._store.execute("INFO", "memory")
        except (StoreUnavailable, RedisError) as error:
            log.debug("memory of the store not known: %s", error)
            return
        most = max_memory(answer)
        wanted = self._settings.total_bytes
        self._total = int(most * SHARE) if most else UNBOUNDED_BYTES
        if wanted is not None:
            self._total = min(wanted, self._total) if most else wanted


def max_memory(answer: object) -> int:
    """Return `maxmemory` as INFO tells it, in bytes; 0 for no bound, or where it tells none."""
    if isinstance(answer, dict):
        value = answer.get("maxmemory", 0)
        return value if isinstance(value, int) else 0
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    found = dict(line.partition(":")[::2] for line in text.splitlines())
    value = found.get("maxmemory", "").strip()
    return int(value) if value.isascii() and value.isdigit() else 0


def session_key(tenant: str, session: str) -> str:
    """Return the key of a conversation; tenants never share one."""
    return f"optimus:session:{tenant}:{session}"


def encode_turn(turn: Turn) -> str:
    """Return the turn as an entry of the history."""
    entry = {"role": turn.role, "content": turn.content}
    return json.dumps(entry | ({"name": turn.name} if turn.name else {}), ensure_ascii=False, separators=(",", ":"))


def decode_turn(entry: str | bytes) -> Turn:
    """Read an entry of the history."""
    fields = json.loads(entry)
    return Turn(fields["role"], fields["content"], fields.get("name"))
