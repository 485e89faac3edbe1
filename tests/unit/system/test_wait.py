from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from optimus_ops.system.wait import SYSTEM_CLOCK, parallel_calls, run_parallel, wait_until


@dataclass
class ManualClock:
    """Time that passes only by sleeping."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_what_is_true_already_is_not_waited_for() -> None:
    clock = ManualClock()
    assert wait_until(lambda: True, 0.0, clock=clock)
    assert clock.slept == []


def test_it_is_asked_again_until_it_is_true() -> None:
    clock = ManualClock()
    assert wait_until(lambda: clock.now >= 102, 10, poll=0.5, clock=clock)
    assert clock.slept == [0.5] * 4


def test_it_is_given_up_when_the_time_is_over() -> None:
    clock = ManualClock()
    assert not wait_until(lambda: False, 2, poll=0.5, clock=clock)
    assert clock.now == 102


def test_the_system_s_clock_goes_forward() -> None:
    before = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.001)
    assert SYSTEM_CLOCK.monotonic() > before


def test_results_come_in_the_order_of_the_items() -> None:
    assert run_parallel(lambda number: number * 2, [3, 1, 2]) == [6, 2, 4]
    assert run_parallel(str, [1]) == ["1"]
    assert run_parallel(str, []) == []


def test_all_calls_end_before_the_first_error_is_raised() -> None:
    done: list[int] = []

    def act(number: int) -> None:
        if number == 1:
            raise ValueError("no")
        done.append(number)

    with pytest.raises(ValueError, match="no"):
        run_parallel(act, [1, 2, 3])
    assert sorted(done) == [2, 3]


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT]], ids=["once", "twice"])
def test_all_calls_end_before_a_signal_has_its_effect(numbers: list[signal.Signals]) -> None:
    done: list[int] = []

    def act(number: int) -> None:
        if number == 0:
            for sent in numbers:
                os.kill(os.getpid(), sent)
                time.sleep(0.02)
        time.sleep(0.02)
        done.append(number)

    with pytest.raises(KeyboardInterrupt):
        run_parallel(act, range(20))
    assert sorted(done) == list(range(20))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_while_calls_are_submitted_stops_them_before_their_end_is_awaited() -> None:
    stopped = threading.Event()

    def waits() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGINT)
        yield 2

    def begin() -> None:
        with parallel_calls(lambda _number: stopped.wait(), waits(), stop=stopped.set):
            pytest.fail("the signal came before")

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert stopped.is_set()
