"""Numbers out of answers that may hold anything in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.redis.values import LARGEST, real, whole


@pytest.mark.parametrize(
    "value", ["1" * 400, int("9" * 400), "1e999", "nan", "-inf", float("inf"), "", "x", None, [1], b"1"]
)
def test_what_redis_can_t_count_to_is_no_number(value: object) -> None:
    assert real(value) is None
    assert whole(value) is None


@given(st.integers(-LARGEST, LARGEST))
def test_a_whole_number_is_kept_to_its_last_digit(number: int) -> None:
    assert whole(number) == whole(str(number)) == number


@given(st.text() | st.floats() | st.integers() | st.binary() | st.none())
def test_anything_is_a_number_within_64_bits_or_none(value: object) -> None:
    found = real(value)
    assert found is None or abs(found) <= LARGEST
