"""Which tenant's request is begun next where a process can't begin all at once: without I/O or a clock.

Start-time fair queueing: each request begun moves its tenant's virtual time on by one over its weight, and the tenant
whose time is least is next; one that comes anew begins at the present time, not with what it didn't use before
(P. Goyal, H. M. Vin, H. Cheng, Start-time Fair Queueing, SIGCOMM 1996).
"""

from collections.abc import Callable
from dataclasses import dataclass

from optimus_kit.fair_queue import HEADROOM, Ticket
from optimus_kit.weights import Weights


@dataclass
class _Backlog:
    """What of a tenant waits, in order: keys of a dict, of which any can be taken out at once.

    Attributes:
        time: its virtual time.
    """

    tickets: dict[Ticket, None]
    time: float


class StartOrder:
    """Requests that wait to be begun. Times are seconds of one clock, which the caller reads.

    Args:
        patience: that a request waits at most.
        most_waiting: requests of one tenant that may wait at once.
        weights: returns the tenants' weights.
    """

    def __init__(self, patience: float, most_waiting: int, weights: Callable[[], Weights]) -> None:
        self._patience = patience
        self._most_waiting = most_waiting
        self._weights = weights
        self._backlogs: dict[str, _Backlog] = {}
        self._now = 0.0
        """Virtual time of the request begun last."""

    def __len__(self) -> int:
        """Return how many requests wait."""
        return sum(len(backlog.tickets) for backlog in self._backlogs.values())

    def __contains__(self, tenant: str) -> bool:
        """Tell whether requests of a tenant wait."""
        return tenant in self._backlogs

    def age(self, tenant: str, now: float) -> float:
        """Return for how many seconds the oldest request of a tenant has waited: as long as one more would."""
        backlog = self._backlogs.get(tenant)
        return now - next(iter(backlog.tickets)).since if backlog else 0.0

    def add(self, tenant: str, now: float) -> Ticket | None:
        """Let a request wait; None where it would wait in vain, or too many do."""
        backlog = self._backlogs.get(tenant)
        if backlog is None:
            backlog = self._backlogs[tenant] = _Backlog({}, self._now)
        elif self.age(tenant, now) > self._patience / HEADROOM or len(backlog.tickets) >= self._most_waiting:
            return None
        ticket = Ticket(tenant, now)
        backlog.tickets[ticket] = None
        return ticket

    def next(self) -> Ticket | None:
        """Take out the request that is next, if any waits."""
        if not self._backlogs:
            return None
        tenant = min(self._backlogs, key=lambda name: self._backlogs[name].time)
        backlog = self._backlogs[tenant]
        self._now = backlog.time
        backlog.time += 1 / self._weights().of(tenant)
        ticket = next(iter(backlog.tickets))
        self.remove(ticket)
        return ticket

    def late(self, now: float) -> list[Ticket]:
        """Take out the requests that have waited for longer than `patience`."""
        found = []
        for tenant in list(self._backlogs):
            while (backlog := self._backlogs.get(tenant)) and (
                now - (ticket := next(iter(backlog.tickets))).since > self._patience
            ):
                self.remove(ticket)
                found.append(ticket)
        return found

    def remove(self, ticket: Ticket) -> None:
        """Take out a request, if it waits."""
        if backlog := self._backlogs.get(ticket.tenant):
            backlog.tickets.pop(ticket, None)
            if not backlog.tickets:
                del self._backlogs[ticket.tenant]
