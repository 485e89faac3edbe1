"""Files of arrivals, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.autoscale.simulate.arrivals import draw, read_arrivals, spike
from optimus_ops.errors import Refused


def written(folder: Path, text: str) -> Path:
    path = folder / "rates.csv"
    path.write_text(text)
    return path


def test_a_rate_holds_until_the_next_line_of_its_class(tmp_path: Path) -> None:
    path = written(tmp_path, "second,class,rate\n0,chat,10\n3,chat,20\n1,search,5\n4,search,0\n")
    arrivals = read_arrivals(path)
    assert arrivals.rates == {"chat": (10, 10, 10, 20, 20), "search": (0, 5, 5, 5, 0)}


@pytest.mark.parametrize(
    ("line", "number"),
    [("0,chat,ten", 2), ("-1,chat,1", 2), ("0,,1", 2), ("0,chat,nan", 2), ("0,chat,1e9", 2), ("0,chat", 2)],
)
def test_a_line_that_says_something_else_is_named(tmp_path: Path, line: str, number: int) -> None:
    path = written(tmp_path, f"second,class,rate\n{line}\n")
    with pytest.raises(Refused, match=f"line {number}"):
        read_arrivals(path)


@pytest.mark.parametrize("text", ["", "second,class,rate\n", "\n\n"])
def test_a_file_without_arrivals_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match="no arrivals"):
        read_arrivals(written(tmp_path, text))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "bytes", "."):
        with pytest.raises(Refused, match="can't be read"):
            read_arrivals(tmp_path / name)


@given(st.integers(0, 2**32))
def test_requests_come_in_order_and_within_the_time(seed: int) -> None:
    arrivals = spike(1.0, before=5, plateau=5, after=5)
    times = [at for at, _kind, _seconds in draw(arrivals, seed)]
    assert times == sorted(times)
    assert all(0 <= at < arrivals.seconds for at in times)


def test_the_spike_has_ten_times_the_traffic_half_a_minute_later() -> None:
    arrivals = spike(20.0, before=10)
    assert arrivals.step == 40
    assert arrivals.offered(9) == pytest.approx(10.0)
    assert arrivals.offered(40) == pytest.approx(100.0)
