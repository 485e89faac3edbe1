"""The breaker as a state machine, on a clock that the test moves."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ai_engine.providers.breaker import Breaker, Policy, abandoned, failed, started, succeeded

POLICY = Policy(failures=3, base=5.0, longest=60.0)


class BreakerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker()
        self.under_way = 0
        self.in_a_row = 0

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.breaker.allows(self.now))
    @rule()
    def begin(self) -> None:
        self.breaker = started(self.breaker, self.now)
        self.under_way += 1

    @precondition(lambda self: self.under_way)
    @rule()
    def succeed(self) -> None:
        self.breaker = succeeded(self.breaker)
        self.under_way -= 1
        self.in_a_row = 0
        assert self.breaker.state(self.now) == "closed"

    @precondition(lambda self: self.under_way)
    @rule()
    def fail(self) -> None:
        was = self.breaker.state(self.now)
        self.breaker = failed(self.breaker, self.now, POLICY)
        self.under_way -= 1
        self.in_a_row += 1
        assert was == "closed" or not self.breaker.allows(self.now)

    @precondition(lambda self: self.under_way)
    @rule()
    def abandon(self) -> None:
        self.breaker = abandoned(self.breaker)
        self.under_way -= 1

    @invariant()
    def enough_failures_in_a_row_are_what_opens_it(self) -> None:
        assert (self.breaker.until is None) == (self.in_a_row < POLICY.failures)

    @invariant()
    def it_never_stays_open_longer_than_the_bound(self) -> None:
        assert (self.breaker.until or 0.0) <= self.now + POLICY.longest


TestBreaker = BreakerMachine.TestCase


@dataclass
class Opened:
    breaker: Breaker = field(default_factory=Breaker)

    def __post_init__(self) -> None:
        for _ in range(POLICY.failures):
            self.breaker = failed(self.breaker, 0.0, POLICY)


def test_half_open_lets_exactly_one_probe_through() -> None:
    breaker = Opened().breaker
    assert [breaker.state(now) for now in (0.0, 4.9, 5.0)] == ["open", "open", "half-open"]
    probing = started(breaker, 5.0)
    assert not probing.allows(5.0)
    assert abandoned(probing).allows(5.0)


def test_a_failed_probe_doubles_the_pause() -> None:
    again = failed(started(Opened().breaker, 5.0), 5.0, POLICY)
    assert (again.allows(14.9), again.allows(15.0)) == (False, True)


@given(st.floats(0, 1e6))
def test_a_pause_that_the_provider_asks_for_is_kept_within_the_bound(pause: float) -> None:
    assert failed(Breaker(), 100.0, POLICY, pause).until == 100.0 + min(pause, POLICY.longest)
