from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.adaptive_limit import MOST_LAG, Load, next_limit

LIMITS = st.integers(2, 100_000)
LATE = 2 * MOST_LAG


@given(LIMITS, st.data())
def test_a_late_process_works_on_less_than_it_does_now_but_never_on_less_than_the_least(
    limit: int, data: st.DataObject
) -> None:
    used = data.draw(st.integers(0, limit))
    found = next_limit(limit, 2, Load(used, 0.0, LATE))
    assert found == 2 or found < used


@given(LIMITS, st.integers(1, 1000))
def test_a_limit_is_judged_only_once_it_is_kept(limit: int, more: int) -> None:
    assert next_limit(limit, 2, Load(limit + more, 0.0, LATE)) == limit


@given(LIMITS)
def test_a_process_that_is_not_late_has_all_its_places_back_within_two_hundred_looks(total: int) -> None:
    limit = 2
    for _ in range(200):
        limit = min(total, next_limit(limit, 2, Load(0, 0.0, 0.0)))
    assert limit == total


@given(LIMITS, st.integers(0, 100_000), st.floats(0, 60), st.floats(0, 60))
def test_how_late_is_late_depends_on_how_long_requests_take(limit: int, used: int, seconds: float, lag: float) -> None:
    grows = next_limit(limit, 2, Load(used, seconds, lag)) > limit
    assert grows == (lag <= max(MOST_LAG, seconds / 50))
