"""Who is next where several tenants want the same places: a bounded queue for each tenant, without I/O or a clock.

Half of the places are shared out by weight and kept free for their tenants; the other half is whoever's comes first. A
place that is free goes to the tenant that has the fewest for its weight, of these to the one whose last turn is longest
ago, and there to the request that waits longest: max-min fairness of what is scarce, which is places and the time for
which they are held, not requests. SQS has the same order
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from optimus_kit.weights import Weights

NEWEST_SHARE = 0.2
"""Weight of the last time in the moving average of how long places are held."""

HEADROOM = 2.0
"""A request waits only if it may wait so many times longer than it would by what places did lately: few do in vain."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """A request that waits for a place or holds one; `since` is when it asked for it, in seconds."""

    tenant: str
    since: float


@dataclass(frozen=True)
class Refusal:
    """A request that may not wait.

    Args:
        own: whether its tenant has its share of the places: what it wants beyond that is no one else's fault.
        seconds: until what the tenant has under way is served.
    """

    own: bool
    seconds: float


class FairQueue:
    """Places and who waits for them. Times are seconds of one clock, which the caller reads.

    Args:
        total: places.
        most_waiting: requests of one tenant that may wait at once.
        weights: returns the tenants' weights; the same object unless they changed.
    """

    def __init__(self, total: int, most_waiting: int, weights: Callable[[], Weights]) -> None:
        self._total = total
        self._most_waiting = most_waiting
        self._weights = weights
        self._held: dict[Ticket, float] = {}
        self._used: Counter[str] = Counter()
        # Of dicts the keys alone are used: they are in order and any can be taken out at once.
        self._waiting: defaultdict[str, dict[Ticket, None]] = defaultdict(dict)
        self._turns = itertools.count(1)
        self._served: dict[str, int] = {}
        self._hold: dict[str, float] = {}

    def used(self) -> int:
        """Return how many places are taken."""
        return len(self._held)

    def waiting(self, tenant: str) -> int:
        """Return how many requests of a tenant wait."""
        return len(self._waiting.get(tenant, ()))

    def all_waiting(self) -> int:
        """Return how many requests wait."""
        return sum(map(len, self._waiting.values()))

    def holds(self, ticket: Ticket) -> bool:
        """Tell whether a request has a place."""
        return ticket in self._held

    def offer(self, tenant: str, now: float, patience: float) -> Ticket | Refusal:
        """Take in a request that would wait `patience` seconds: it has a place at once, waits, or is refused."""
        if refusal := self.refusal(tenant, patience):
            return refusal
        ticket = Ticket(tenant, now)
        if self._starts_at_once(tenant):
            self._grant(ticket, now)
        else:
            self._waiting[tenant][ticket] = None
        return ticket

    def refusal(self, tenant: str, patience: float) -> Refusal | None:
        """Return why a request would be refused now, None if it would not."""
        if self._starts_at_once(tenant):
            return None
        wait = self.expected_wait(tenant)
        if patience > 0 and wait <= patience / HEADROOM and self.waiting(tenant) < self._most_waiting:
            return None
        return self.late(tenant)

    def late(self, tenant: str) -> Refusal:
        """Return the refusal for a request that has no place in time; one beyond a tenant's share is its own doing."""
        return Refusal(self._used[tenant] >= self._share(tenant), self.expected_wait(tenant))

    def expected_wait(self, tenant: str) -> float:
        """Return the seconds that one more request of a tenant would wait, by what its places did lately."""
        active = len({*self._used, *(name for name, tickets in self._waiting.items() if tickets), tenant})
        places = max(1, self._used[tenant], self._total // active)
        return (self.waiting(tenant) + 1) * self._hold.get(tenant, 0.0) / places

    def end(self, ticket: Ticket, now: float) -> tuple[Ticket, ...]:
        """Take out a request, whether it waits or holds a place, and return those that have a place by that."""
        began = self._held.pop(ticket, None)
        if began is not None:
            self._note_hold(ticket.tenant, now - began)
            self._used[ticket.tenant] -= 1
            if not self._used[ticket.tenant]:
                del self._used[ticket.tenant]
        self._unqueue(ticket)
        return self._fill(now)

    def _fill(self, now: float) -> tuple[Ticket, ...]:
        granted = []
        # Who has the fewest has room wherever anyone has.
        while self._waiting and self._has_room(tenant := min(self._waiting, key=self._order)):
            ticket = next(iter(self._waiting[tenant]))
            self._unqueue(ticket)
            self._grant(ticket, now)
            granted.append(ticket)
        return tuple(granted)

    def _order(self, tenant: str) -> tuple[float, int]:
        return self._used[tenant] / self._weights().of(tenant), self._served.get(tenant, 0)

    def _grant(self, ticket: Ticket, now: float) -> None:
        self._held[ticket] = now
        self._used[ticket.tenant] += 1
        self._served[ticket.tenant] = next(self._turns)

    def _unqueue(self, ticket: Ticket) -> None:
        tickets = self._waiting.get(ticket.tenant, {})
        tickets.pop(ticket, None)
        if not tickets:
            self._waiting.pop(ticket.tenant, None)

    def _note_hold(self, tenant: str, seconds: float) -> None:
        before = self._hold.get(tenant, seconds)
        self._hold[tenant] = before + NEWEST_SHARE * (seconds - before)

    def _starts_at_once(self, tenant: str) -> bool:
        return not self.waiting(tenant) and self._has_room(tenant)

    def _share(self, tenant: str) -> int:
        return self._weights().share(tenant, self._total)

    def _has_room(self, tenant: str) -> bool:
        free = self._total - len(self._held)
        return free > 0 if self._used[tenant] < self._share(tenant) else free > self._kept_free(tenant)

    def _kept_free(self, tenant: str) -> int:
        """Return how many places the other tenants have not used of their shares; half of all at most.

        Those who hold places may be more than there are tenants: a tenant that is removed goes on with what it has.
        """
        others = self._weights().shares(self._total) - self._share(tenant)
        inside = sum(min(used, self._share(name)) for name, used in self._used.items() if name != tenant)
        return max(0, min(others - inside, self._total // 2))
