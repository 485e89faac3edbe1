"""The queue of places, step by step against what it promises; time is a value."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from optimus_kit.fair_queue import FairQueue, Refusal, Ticket
from optimus_kit.weights import Weights

TENANTS = ("a", "b", "c", "d")
NAMES = (*TENANTS, "e", "f")
MOST_WAITING = 5
PATIENCE = 10.0


def queue(total: int, tenants: int = 1, most_waiting: int = 100) -> FairQueue:
    weights = Weights({str(number): 1 for number in range(tenants)})
    return FairQueue(total, most_waiting, lambda: weights)


def take(places: FairQueue, tenant: str, now: float = 0.0, patience: float = PATIENCE) -> Ticket:
    found = places.offer(tenant, now, patience)
    assert isinstance(found, Ticket)
    return found


class Places(RuleBasedStateMachine):
    """Requests that come, leave at any point and end, of four tenants, on a queue of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.held: list[Ticket] = []
        self.waiting: list[Ticket] = []

    @initialize(total=st.integers(1, 12), by_tenant=st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5)))
    def start(self, total: int, by_tenant: dict[str, int]) -> None:
        self.total, self.weights = total, Weights(by_tenant)
        self.queue = FairQueue(total, MOST_WAITING, lambda: self.weights)

    def share(self, tenant: str) -> int:
        return max(1, self.total * self.weights.of(tenant) // (2 * max(1, sum(self.weights.by_tenant.values()))))

    def weighed(self, tenant: str) -> float:
        return self.used(tenant) / self.weights.of(tenant)

    def used(self, tenant: str) -> int:
        return sum(ticket.tenant == tenant for ticket in self.held)

    def in_line(self, tenant: str) -> list[Ticket]:
        return [ticket for ticket in self.waiting if ticket.tenant == tenant]

    @rule(tenant=st.sampled_from(TENANTS), patience=st.sampled_from((0.0, 1.0, PATIENCE)), after=st.floats(0, 3))
    def comes(self, tenant: str, patience: float, after: float) -> None:
        self.now += after
        behind = len(self.in_line(tenant))
        found = self.queue.offer(tenant, self.now, patience)
        if isinstance(found, Refusal):
            # With places left a tenant within its share is never refused, and the blame is where it belongs.
            assert self.used(tenant) >= self.share(tenant) or len(self.held) == self.total
            assert found.own == (self.used(tenant) >= self.share(tenant))
            assert found.seconds >= 0
        elif self.queue.holds(found):
            # Nobody overtakes within a tenant.
            assert behind == 0
            self.held.append(found)
        else:
            assert patience > 0
            self.waiting.append(found)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), after=st.floats(0, 3))
    def ends(self, data: st.DataObject, after: float) -> None:
        self.now += after
        self.take_out(data.draw(st.sampled_from(self.held)))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        self.take_out(data.draw(st.sampled_from(self.waiting)))

    def take_out(self, ticket: Ticket) -> None:
        granted = self.queue.end(ticket, self.now)
        assert self.queue.end(ticket, self.now) == ()
        for tickets in (self.held, self.waiting):
            if ticket in tickets:
                tickets.remove(ticket)
        self.start_waiting(granted)

    def start_waiting(self, granted: tuple[Ticket, ...]) -> None:
        for next_one in granted:
            # First in, first out within a tenant; between tenants, whoever has the fewest for its weight.
            assert next_one == self.in_line(next_one.tenant)[0]
            assert all(self.weighed(next_one.tenant) <= self.weighed(other.tenant) for other in self.waiting)
            self.waiting.remove(next_one)
            self.held.append(next_one)

    @invariant()
    def nothing_is_lost_or_given_twice(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert self.queue.used() == len(self.held) <= self.total
        assert all(self.queue.holds(ticket) for ticket in self.held)
        assert not any(self.queue.holds(ticket) for ticket in self.waiting)
        for tenant in TENANTS:
            assert self.queue.waiting(tenant) == len(self.in_line(tenant)) <= MOST_WAITING

    @invariant()
    def nobody_waits_for_a_place_that_is_free(self) -> None:
        """Work-conserving: what is free beside a request that waits is kept for other tenants, half at most."""
        if hasattr(self, "queue") and self.waiting:
            assert self.total - len(self.held) <= self.total // 2
            assert len(self.held) == self.total or all(
                self.used(ticket.tenant) >= self.share(ticket.tenant) for ticket in self.waiting
            )

    def teardown(self) -> None:
        """Nobody starves: as places come back, everyone who waits has a turn."""
        turns = len(self.waiting)
        for _ in range(turns + len(self.held)):
            if self.held:
                self.take_out(self.held[0])
        assert not self.waiting


TestPlaces = Places.TestCase


def test_a_tenant_that_comes_late_has_its_turn_before_the_backlog_of_another() -> None:
    places = queue(2)
    first = [take(places, "loud") for _ in range(2)]
    backlog = [take(places, "loud") for _ in range(50)]
    quiet = take(places, "quiet")
    assert places.end(first[0], 1.0) == (quiet,)
    assert places.end(quiet, 2.0) == (backlog[0],)


def test_tenants_that_have_equally_many_places_are_served_in_turn() -> None:
    places = queue(1)
    held = take(places, "a")
    waiting = [take(places, tenant) for tenant in "aaabbbccc"]
    order = ""
    for _ in waiting:
        [held] = places.end(held, 0.0)
        order += held.tenant
    assert order == "bcabcabca"


def test_a_request_that_would_wait_longer_than_it_may_is_refused_at_once() -> None:
    places = queue(2)
    for end in (2.0, 4.0):
        places.end(take(places, "a", end - 2.0), end)
    for _ in range(2 + 5):
        take(places, "a", 4.0, patience=10.0)
    # Two places that are held for two seconds each: the sixth in line has one after six seconds, give or take.
    refusal = places.offer("a", 4.0, 10.0)
    assert isinstance(refusal, Refusal)
    assert refusal.own
    assert refusal.seconds == pytest.approx(6.0)
    assert places.waiting("a") == 5


def test_how_long_one_tenant_holds_places_says_nothing_of_another() -> None:
    places = queue(4)
    places.end(take(places, "slow", 0.0), 100.0)
    held = [take(places, "quick") for _ in range(4)]
    assert isinstance(places.offer("slow", 100.0, 5.0), Refusal)
    take(places, "quick", 100.0, 5.0)
    assert places.used() == len(held)


def test_a_queue_is_bounded_also_before_it_is_known_how_long_places_are_held() -> None:
    places = queue(1, most_waiting=3)
    for _ in range(1 + 3):
        take(places, "a")
    assert isinstance(places.offer("a", 0.0, PATIENCE), Refusal)
    take(places, "b")


def test_tenants_that_all_want_more_have_places_by_weight() -> None:
    weights = Weights({"big": 3, "small": 1})
    places = FairQueue(8, 100, lambda: weights)
    held = [take(places, "small") for _ in range(8 - 3)]
    for _ in range(20):
        take(places, "small")
    waiting = [take(places, "big") for _ in range(20)]
    assert sum(map(places.holds, waiting)) == 3
    for ticket in held:
        places.end(ticket, 0.0)
    assert (sum(map(places.holds, waiting)), places.used()) == (6, 8)
