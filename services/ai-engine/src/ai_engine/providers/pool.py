"""A pool of API keys of one provider: the healthiest first, in turn among equals."""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ai_engine.providers import breaker
from ai_engine.providers.breaker import Breaker, Policy


@dataclass(frozen=True)
class Key:
    """A key in use: its place in the pool, and the secret itself, which is never shown."""

    index: int
    secret: str

    def __repr__(self) -> str:
        return f"Key({self.index})"


def parse_keys(text: str) -> tuple[str, ...]:
    """Read keys separated by commas or line ends, without repetitions."""
    parts = (part.strip() for part in text.replace(",", "\n").splitlines())
    return tuple(dict.fromkeys(part for part in parts if part))


class KeyPool:
    """Chooses keys and remembers how they fared.

    Args:
        secrets: the keys; one empty string for an endpoint that wants none.
        policy: of the breakers.
        clock: monotonic time in seconds.
    """

    def __init__(
        self, secrets: Sequence[str], policy: Policy | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = tuple(Key(index, secret) for index, secret in enumerate(secrets))
        self._breakers = [Breaker() for _ in self._keys]
        self._policy = policy or Policy()
        self._clock = clock
        self._turn = 0

    def take(self, tried: AbstractSet[int] = frozenset()) -> Key | None:
        """Return a key that may be used and is not in `tried` (indices), or None.

        Whoever takes a key says afterwards how it fared: `succeeded`, `failed` or `abandoned`.
        """
        now = self._clock()
        size = len(self._keys)
        usable = [key for key in self._keys if key.index not in tried and self._breakers[key.index].allows(now)]
        if not usable:
            return None
        best = min(usable, key=lambda key: (self._breakers[key.index].failures, (key.index - self._turn) % size))
        self._turn = (best.index + 1) % size
        self._breakers[best.index] = breaker.started(self._breakers[best.index], now)
        return best

    def succeeded(self, key: Key) -> None:
        """Note that the key works."""
        self._breakers[key.index] = breaker.succeeded(self._breakers[key.index])

    def failed(self, key: Key, pause: float | None = None) -> None:
        """Note that the key failed; `pause` seconds without it, where the provider said so."""
        self._breakers[key.index] = breaker.failed(self._breakers[key.index], self._clock(), self._policy, pause)

    def abandoned(self, key: Key) -> None:
        """Note that nothing was learnt."""
        self._breakers[key.index] = breaker.abandoned(self._breakers[key.index])

    def wait(self) -> float:
        """Return the seconds until some key may be used again."""
        now = self._clock()
        return max(0.0, min(((state.until or now) - now for state in self._breakers), default=0.0))

    def states(self) -> tuple[str, ...]:
        """Return each breaker's state, in the order of the keys."""
        now = self._clock()
        return tuple(state.state(now) for state in self._breakers)
