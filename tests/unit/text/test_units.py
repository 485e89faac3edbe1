from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.text.units import BAR_CELLS, age, bar, cores, counted, size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1K"),
        (1536, "1.5K"),
        (384 * 1024**2, "384M"),
        (1023 * 1024**2, "1G"),
        (2**60, "1024P"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown


@given(st.integers(0, 2**55))
def test_a_size_has_at_most_three_digits_and_is_about_right(count: int) -> None:
    shown = size(count)
    value = float(shown[:-1]) * 1024 ** "BKMGTP".index(shown[-1])

    assert len(shown.removesuffix(shown[-1]).replace(".", "")) <= 3
    assert abs(value - count) <= 0.06 * max(count, 1)


@given(st.integers(0, 10**9))
def test_ages_never_shrink_with_time(seconds: int) -> None:
    order = "smhd"
    now, later = age(seconds), age(seconds + 1)
    assert (order.index(now[-1]), int(now[:-1])) <= (order.index(later[-1]), int(later[:-1]))


@pytest.mark.parametrize(
    ("count", "shown"), [(0.0, "0"), (0.3, "0.3"), (0.31, "0.31"), (1.0, "1"), (2.5, "2.5"), (12.4, "12")]
)
def test_cores(count: float, shown: str) -> None:
    assert cores(count) == shown


@given(st.floats(0, 3))
def test_a_bar_has_its_width_and_is_full_only_when_full(fraction: float) -> None:
    drawn = bar(fraction)
    assert len(drawn) == BAR_CELLS
    assert (drawn == "▰" * BAR_CELLS) == (fraction >= 1.0)


def test_a_count_has_its_noun() -> None:
    assert (counted(1, "client"), counted(0, "client")) == ("1 client", "0 clients")
