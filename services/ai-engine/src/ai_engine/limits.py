"""What Redis decides: rate and concurrency per tenant over all replicas; and what it counts."""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from redis.exceptions import RedisError

from ai_engine.conversations import KEEP, Conversations, Stored, decode_turn, session_key
from ai_engine.providers.base import Turn
from ai_engine.store import Store, StoreUnavailable
from optimus_kit.errors import ApiError
from optimus_kit.random_id import random_id
from optimus_kit.redis.scripts import Script
from optimus_kit.tenancy import Tenant

LEASE_MS = 60_000
RENEW_SECONDS = 15.0

log = logging.getLogger("ai_engine.limits")


def _script(name: str) -> Script:
    return Script(files("ai_engine").joinpath(name).read_text(encoding="utf-8"))


ADMIT, RELEASE, RENEW = _script("admit.lua"), _script("release.lua"), _script("renew.lua")
SCRIPTS = (ADMIT, RELEASE, RENEW, KEEP)


@dataclass(frozen=True)
class Admission:
    """An admitted request: its slot, the conversation so far, and the headers that tell the limits."""

    tenant: Tenant
    slot: str
    session: str | None
    history: tuple[Turn, ...]
    headers: tuple[tuple[str, str], ...]
    durable: bool = False
    """Whether the turn counts as kept only once a replica has it."""


@dataclass(frozen=True)
class Outcome:
    """What a request came to. `turns` is what the conversation grows by; empty when the request failed."""

    messages_in: int = 0
    messages_out: int = 0
    tokens: int = 0
    turns: tuple[Turn, ...] = ()


def unavailable() -> ApiError:
    """Make the 503 for a store that does not answer."""
    return ApiError(
        503, "The state store does not answer; try again.", code="store_unavailable", headers={"Retry-After": "1"}
    )


class Gate:
    """Admits and releases requests.

    Args:
        store: where limits are.
        conversations: where turns are kept.
    """

    def __init__(self, store: Store, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations
        self._held: dict[str, set[str]] = {}

    async def admit(self, tenant: Tenant, session: str | None, *, durable: bool = False) -> Admission:
        """Take a slot; `durable`: the turn shall not count as kept before a replica has it.

        Raises:
            ApiError: 429 over a limit, 503 when the store does not answer.
        """
        slot = random_id()
        name = tenant.name
        keys = (
            f"optimus:rate:{name}",
            f"optimus:slots:{name}",
            f"optimus:counts:{name}",
            session_key(name, session) if session else "",
        )
        arguments = (tenant.requests_per_minute, tenant.burst, tenant.concurrent_requests, slot, LEASE_MS)
        held = self._held.setdefault(name, set())
        held.add(slot)
        try:
            answer = await self._store.run(ADMIT, keys, arguments, large=session is not None)
            verdict, retry_ms, remaining, reset_ms, _, history = answer
        except asyncio.CancelledError:
            held.discard(slot)
            raise
        except (StoreUnavailable, RedisError) as error:
            held.discard(slot)
            log.warning("admission failed: %s", error)
            raise unavailable() from None
        headers = limit_headers(tenant, remaining, reset_ms)
        if verdict:
            held.discard(slot)
            raise refused(verdict, retry_ms, headers)
        return Admission(tenant, slot, session, tuple(map(decode_turn, history)), headers, durable)

    async def release(self, admission: Admission, outcome: Outcome) -> Stored:
        """Give the slot back, count, and append the turn; return what became of that.

        A store that is away is no error of the finished request: its slot comes back when the lease ends. Nor is one
        that is full: the slot and the counters need no more memory, and the turn is refused alone.
        """
        self._held.get(admission.tenant.name, set()).discard(admission.slot)
        if admission.session is None or not outcome.turns:
            await self._give_back(admission, outcome)
            return Stored()
        keep = self._conversations.keep(
            admission.tenant.name, admission.session, admission.slot, outcome.turns, durable=admission.durable
        )
        stored, _ = await asyncio.gather(keep, self._give_back(admission, outcome))
        return stored

    async def _give_back(self, admission: Admission, outcome: Outcome) -> None:
        name = admission.tenant.name
        numbers = (outcome.messages_in, outcome.messages_out, outcome.tokens)
        keys = (f"optimus:slots:{name}", f"optimus:counts:{name}")
        try:
            await self._store.run(RELEASE, keys, (admission.slot, *numbers))
        except (StoreUnavailable, RedisError) as error:
            log.warning("release failed: %s", error)

    async def renew_leases(self) -> None:
        """Keep the slots of long requests, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew_once()

    async def renew_once(self) -> None:
        """Renew the leases of all slots held now."""
        for name, held in self._held.items():
            if held:
                await self._renew(name, tuple(held))

    async def _renew(self, name: str, slots: Sequence[str]) -> None:
        try:
            await self._store.run(RENEW, (f"optimus:slots:{name}",), (LEASE_MS, *slots))
        except (StoreUnavailable, RedisError) as error:
            log.warning("leases not renewed: %s", error)


def limit_headers(tenant: Tenant, remaining: int, reset_ms: int) -> tuple[tuple[str, str], ...]:
    """Return the x-ratelimit headers: requests per minute, how many could come at once, when all could again."""
    return (
        ("x-ratelimit-limit-requests", str(tenant.requests_per_minute)),
        ("x-ratelimit-remaining-requests", str(max(0, remaining))),
        ("x-ratelimit-reset-requests", f"{max(0, reset_ms)}ms"),
    )


def refused(verdict: int, retry_ms: int, headers: tuple[tuple[str, str], ...]) -> ApiError:
    """Make the 429; Retry-After is in whole seconds, at least 1."""
    retry = str(max(1, math.ceil(retry_ms / 1000)))
    if verdict == 1:
        message, code = "Too many requests per minute for this tenant.", "rate_limit_exceeded"
    else:
        message, code = "Too many requests at once for this tenant.", "concurrency_limit_exceeded"
    return ApiError(429, message, code=code, headers={"Retry-After": retry, **dict(headers)})
