from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend_orchestrator.http_errors import retry_after
from backend_orchestrator.retry import (
    DeadLetter,
    PermanentError,
    RetryLater,
    RetryPolicy,
    ThrottledError,
    TransientError,
    backoff,
    decide,
)

POLICY = RetryPolicy(max_attempts=5, base_delay=1.0, max_delay=60.0, max_age=3600.0)
jitters = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), jitters)
def test_the_wait_grows_up_to_its_bound_and_never_shrinks_below_half(attempt: int, jitter: float) -> None:
    delay = backoff(attempt, POLICY, lambda: jitter)
    ceiling = min(2.0 ** min(attempt - 1, 100), POLICY.max_delay)
    assert ceiling / 2 <= delay <= ceiling


@given(st.integers(1, 100), st.floats(0, 1e9), jitters)
def test_a_refusal_for_good_is_given_up_at_once(attempt: int, age: float, jitter: float) -> None:
    assert decide(PermanentError("no"), attempt, age, POLICY, lambda: jitter) == DeadLetter("no")


@given(st.floats(0, 3000), jitters)
def test_being_throttled_is_never_shorter_than_asked(asked: float, jitter: float) -> None:
    decision = decide(ThrottledError("429", asked), 5, 0, POLICY, lambda: jitter)
    assert isinstance(decision, RetryLater)
    assert decision.delay >= asked
    assert not decision.counts


@given(st.sampled_from([TransientError("x"), ThrottledError("x", 1.0)]), jitters)
def test_a_message_too_old_is_given_up(error: TransientError, jitter: float) -> None:
    assert isinstance(decide(error, 1, POLICY.max_age, POLICY, lambda: jitter), DeadLetter)


@given(st.text())
def test_any_retry_after_is_a_usable_number_of_seconds(header: str) -> None:
    assert 0 <= retry_after(header) <= 3600


def test_retry_after_is_read_as_seconds() -> None:
    assert retry_after("7") == 7
    assert retry_after("-1") == retry_after("nan") == retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == retry_after(None)


class MessageLife(RuleBasedStateMachine):
    """A message failing in any order of ways: it always ends, within the bounds of the policy."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0
        self.age = 0.0
        self.ended: DeadLetter | None = None

    @precondition(lambda self: self.ended is None)
    @rule(jitter=jitters, lasted=st.floats(0, 100))
    def fail(self, jitter: float, lasted: float) -> None:
        self._next(TransientError("down"), jitter, lasted)

    @precondition(lambda self: self.ended is None)
    @rule(jitter=jitters, asked=st.floats(0, 600))
    def throttle(self, jitter: float, asked: float) -> None:
        self._next(ThrottledError("busy", asked), jitter, 0.0)

    @precondition(lambda self: self.ended is None)
    @rule()
    def refuse(self) -> None:
        self._next(PermanentError("no"), 0.0, 0.0)
        assert self.ended is not None

    @precondition(lambda self: self.ended is not None)
    @rule()
    def another(self) -> None:
        self.attempts, self.age, self.ended = 0, 0.0, None

    def _next(self, error: TransientError | ThrottledError | PermanentError, jitter: float, lasted: float) -> None:
        self.attempts += 1
        self.age += lasted
        decision = decide(error, self.attempts, self.age, POLICY, lambda: jitter)
        if isinstance(decision, DeadLetter):
            self.ended = decision
            return
        self.age += decision.delay
        self.attempts -= not decision.counts

    @invariant()
    def attempts_are_within_the_policy(self) -> None:
        assert self.attempts <= POLICY.max_attempts
        assert self.ended is not None or self.attempts < POLICY.max_attempts

    @invariant()
    def a_living_message_is_young(self) -> None:
        # One wait may pass the bound; the attempt after it is the last.
        assert self.ended is not None or self.age < POLICY.max_age + 600 * 1.25


TestMessageLife = MessageLife.TestCase
