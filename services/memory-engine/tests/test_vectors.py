import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_engine.vectors import Vector


def test_the_wire_has_the_dimensions_and_then_big_endian_floats() -> None:
    assert Vector.of([1.0, -2.0]).wire == bytes.fromhex("0002 0000 3f800000 c0000000")


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=400))
def test_values_come_back_as_they_went_in(values: list[float]) -> None:
    assert Vector.of(values).values() == values


def test_more_numbers_than_the_format_can_count_are_refused() -> None:
    with pytest.raises(OverflowError):
        Vector.of([0.0] * 32_768)
