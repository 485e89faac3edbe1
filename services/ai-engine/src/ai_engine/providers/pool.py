"""A pool of API keys of one provider: the healthiest first, in turn among equals."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from ai_engine.providers import breaker
from ai_engine.providers.breaker import Breaker, Policy, State


@dataclass(frozen=True)
class Key:
    """A key in use, and the secret itself, which is never shown.

    Args:
        id: of this key in its pool; never that of another one, also when keys are replaced.
        number: its place in the pool, from 1.
    """

    id: int
    number: int
    secret: str

    def __repr__(self) -> str:
        return f"Key({self.number})"


@dataclass(frozen=True)
class KeyState:
    """How a key is, without the key.

    Args:
        key: its place in the pool, from 1.
        state: the worst one.
        reason: of the last failure; empty while there is none.
        retry_in: seconds until it is tried again, by whoever waits longest; 0 when it may be used.
        tenants: for whom it is in that state; empty for everyone.
    """

    key: int
    state: State
    reason: str = ""
    retry_in: float = 0.0
    tenants: tuple[str, ...] = ()


CLOSED = Breaker()


@dataclass(frozen=True)
class Health:
    """What is known of a key: a breaker for everyone, and one for each tenant whose requests failed with it.

    What one tenant asks can make an endpoint fail: a time-out, a 500, a 429 for a text beyond the key's limit. So a
    tenant's failures open the key for that tenant, and for everyone only once another tenant has seen it fail too.
    """

    shared: Breaker = CLOSED
    own: Mapping[str, tuple[Breaker, float]] = field(default_factory=dict)
    """Breaker and time of the last failure, by tenant."""
    reason: str = ""

    def breakers(self, tenant: str) -> tuple[Breaker, Breaker]:
        """Return the two that a tenant's request has to pass."""
        return self.shared, self.own[tenant][0] if tenant in self.own else CLOSED

    def allows(self, tenant: str, now: float) -> bool:
        """Tell whether a request of the tenant may pass."""
        return self is HEALTHY or all(state.allows(now) for state in self.breakers(tenant))

    def until(self, tenant: str) -> float:
        """Return the time before which no request of the tenant passes."""
        return max(state.until or 0.0 for state in self.breakers(tenant))

    def changed(self, tenant: str, change: Callable[[Breaker], Breaker]) -> "Health":
        """Return the state after something that changes both of a tenant's breakers."""
        shared = change(self.shared)
        if tenant not in self.own:
            return self if shared is self.shared else replace(self, shared=shared)
        own = dict(self.own)
        own[tenant] = (change(own[tenant][0]), own[tenant][1])
        return replace(self, shared=shared, own=own)

    def worked(self, tenant: str) -> "Health":
        """Return the state after an answer to a tenant."""
        if self is HEALTHY or self == HEALTHY:
            return HEALTHY
        own = {name: entry for name, entry in self.own.items() if name != tenant}
        return Health(CLOSED, own, self.reason if own else "")

    def failed(self, tenant: str, now: float, policy: Policy, reason: str, pause: float | None) -> "Health":
        """Return the state after a failure with a tenant's request."""
        _, before = self.breakers(tenant)
        mine = breaker.failed(before, now, policy, pause)
        recent = {name: entry for name, entry in self.own.items() if now - entry[1] < policy.longest}
        own = recent | {tenant: (mine, now)}
        shared = self.shared
        if shared.until is not None:
            shared = breaker.failed(shared, now, policy, pause)
        elif len(own) > 1 and any(entry[0].until is not None for entry in own.values()):
            longest = max(entry[0].until or now for entry in own.values())
            shared = breaker.failed(shared, now, policy, max(longest - now, 0.0))
        return Health(shared, own, reason)


HEALTHY = Health()


def parse_keys(text: str) -> tuple[str, ...]:
    """Read keys separated by commas or line ends, without repetitions."""
    parts = (part.strip() for part in text.replace(",", "\n").splitlines())
    return tuple(dict.fromkeys(part for part in parts if part))


class KeyPool:
    """Chooses keys and remembers how they fared.

    Keys may be replaced at any time. One that stays keeps its state, a new one begins without any, and what is learnt
    about one that was taken away is dropped: its place may be another's by now.

    Args:
        secrets: returns the keys as they are now, the same object unless they changed; one empty string for an
            endpoint that wants none.
        policy: of the breakers.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        secrets: Callable[[], Sequence[str]],
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = secrets
        self._policy = policy or Policy()
        self._clock = clock
        self._turn = 0
        self._ids = itertools.count()
        self._seen: Sequence[str] = ()
        self._keys: tuple[Key, ...] = ()
        self._health: dict[int, Health] = {}
        self.failures: Counter[tuple[int, str]] = Counter()
        """Failures so far, by place (from 1) and reason; those that are not held against the key included."""
        self.refresh()

    def refresh(self) -> None:
        """Take the keys as they are now."""
        secrets = self._secrets()
        if secrets is self._seen:
            return
        self._seen = secrets
        ids = {key.secret: key.id for key in self._keys}
        self._keys = tuple(
            Key(ids[secret] if secret in ids else next(self._ids), number, secret)
            for number, secret in enumerate(secrets, 1)
        )
        self._health = {key.id: self._health.get(key.id, HEALTHY) for key in self._keys}

    def take(self, tried: AbstractSet[int] = frozenset(), tenant: str = "") -> Key | None:
        """Return a key that the tenant may use and that is not in `tried` (ids), or None.

        Whoever takes a key says afterwards how it fared: `succeeded`, `failed` or `abandoned`.
        """
        self.refresh()
        now = self._clock()
        size = len(self._keys)
        usable = [key for key in self._keys if key.id not in tried and self._health[key.id].allows(tenant, now)]
        if not usable:
            return None
        best = min(usable, key=lambda key: (self._failures(key, tenant), (key.number - 1 - self._turn) % size))
        self._turn = best.number % size
        self._change(best, tenant, lambda state: breaker.started(state, now))
        return best

    def _failures(self, key: Key, tenant: str) -> int:
        health = self._health[key.id]
        return 0 if health is HEALTHY else sum(state.failures for state in health.breakers(tenant))

    def _change(self, key: Key, tenant: str, change: Callable[[Breaker], Breaker]) -> None:
        if key.id in self._health:
            self._health[key.id] = self._health[key.id].changed(tenant, change)

    def succeeded(self, key: Key, tenant: str = "") -> None:
        """Note that the key works."""
        if key.id in self._health:
            self._health[key.id] = self._health[key.id].worked(tenant)

    def failed(self, key: Key, pause: float | None = None, *, tenant: str = "", reason: str = "") -> None:
        """Note that the key failed; `pause` seconds without it, where the provider said so."""
        if key.id in self._health:
            self._count(key, reason)
            health = self._health[key.id]
            self._health[key.id] = health.failed(tenant, self._clock(), self._policy, reason, pause)

    def abandoned(self, key: Key, tenant: str = "", reason: str = "") -> None:
        """Note that nothing was learnt about the key; `reason` is that of a failure which is not its own."""
        if reason and key.id in self._health:
            self._count(key, reason)
        self._change(key, tenant, breaker.abandoned)

    def _count(self, key: Key, reason: str) -> None:
        # It may have moved since it was taken.
        number = next(known.number for known in self._keys if known.id == key.id)
        self.failures[number, reason] += 1

    def wait(self, tenant: str = "") -> float:
        """Return the seconds until the tenant may use some key again."""
        now = self._clock()
        return max(0.0, min((health.until(tenant) - now for health in self._health.values()), default=0.0))

    def states(self) -> tuple[KeyState, ...]:
        """Return how each key is, in their order."""
        now = self._clock()
        keys, health = self._keys, self._health
        return tuple(_state(key.number, health[key.id], now) for key in keys if key.id in health)


def _state(number: int, health: Health, now: float) -> KeyState:
    shared = health.shared.state(now)
    held = {name: entry[0] for name, entry in health.own.items() if entry[0].state(now) != "closed"}
    if shared != "closed" or not held:
        return KeyState(number, shared, health.reason, max(0.0, (health.shared.until or now) - now))
    state: State = "open" if any(entry.state(now) == "open" for entry in held.values()) else "half-open"
    until = max(entry.until or now for entry in held.values())
    return KeyState(number, state, health.reason, max(0.0, until - now), tuple(sorted(held)))
