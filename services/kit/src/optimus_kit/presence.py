"""Replicas tell the others that they are there: a key per process in Redis that expires unless it is renewed."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from optimus_kit.drain import Drain
from optimus_kit.settings import ServiceSettings

PREFIX = "optimus:replica:"
PROVIDER_KEYS = "provider_keys"
STATES = ("closed", "half-open", "open")
TTL_SECONDS = 10
RENEW_SECONDS = 2.0

log = logging.getLogger("optimus.presence")


def presence_key(settings: ServiceSettings) -> str:
    """Return this process's key; with several processes in a replica each has its own."""
    key = f"{PREFIX}{settings.service}:{settings.hostname}"
    return key if settings.web_concurrency == 1 else f"{key}:{os.getpid()}"


def presence(settings: ServiceSettings, drain: Drain, now: float, extra: Mapping[str, object]) -> dict[str, object]:
    """Return what is told; times are seconds since the epoch."""
    return {
        "service": settings.service,
        "hostname": settings.hostname,
        "ready": drain.ready and not drain.draining,
        "draining": drain.draining,
        "inflight": drain.inflight,
        "version": settings.version,
        "started_at": drain.started_at,
        "seen_at": now,
        **extra,
    }


async def announce(
    redis: "Redis",
    settings: ServiceSettings,
    drain: Drain,
    extra: Callable[[], Mapping[str, object]] | None = None,
) -> None:
    """Renew this process's presence until cancelled, then take it away. A store that is down is only waited for.

    Run it as `async with background(announce(...))`.
    """
    key = presence_key(settings)
    try:
        while True:
            document = presence(settings, drain, time.time(), extra() if extra else {})
            try:
                await redis.set(key, json.dumps(document), ex=TTL_SECONDS)
            except (RedisError, OSError) as error:
                log.warning("presence not renewed: %s", type(error).__name__)
            await asyncio.sleep(RENEW_SECONDS)
    finally:
        await _withdraw(redis, key)


async def _withdraw(redis: "Redis", key: str) -> None:
    try:
        async with asyncio.timeout(1):
            await redis.delete(key)
    except (RedisError, OSError, TimeoutError):
        log.debug("presence will expire by itself")


async def replicas(redis: "Redis") -> list[dict[str, Any]]:
    """Return the replicas that are there, by service and hostname; the processes of one replica are put together."""
    keys = [key async for key in redis.scan_iter(match=f"{PREFIX}*", count=200)]
    values = await redis.mget(keys) if keys else []
    return merge([json.loads(value) for value in values if value])


def merge(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the processes of each replica together: ready when all are, draining when one is, in flight in sum."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for document in documents:
        key = (document["service"], document["hostname"])
        other = merged.get(key)
        if other is None:
            merged[key] = document
            continue
        merged[key] = other | {
            "ready": other["ready"] and document["ready"],
            "draining": other["draining"] or document["draining"],
            "inflight": other["inflight"] + document["inflight"],
            "started_at": min(other["started_at"], document["started_at"]),
            "seen_at": max(other["seen_at"], document["seen_at"]),
        }
        if PROVIDER_KEYS in other:
            merged[key][PROVIDER_KEYS] = worst(other[PROVIDER_KEYS], document.get(PROVIDER_KEYS, []))
    return [merged[key] for key in sorted(merged)]


def worst(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put together what processes say of the same provider keys: of each key, the worst."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for entry in (*one, *other):
        key = (entry["provider"], entry["key"])
        known = found.setdefault(key, entry)
        if STATES.index(entry["state"]) > STATES.index(known["state"]):
            found[key] = entry
    return [found[key] for key in sorted(found)]
