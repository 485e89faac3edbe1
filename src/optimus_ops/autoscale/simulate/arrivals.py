"""Arrivals: the built-in spike, files of rates, and requests drawn from them."""

from __future__ import annotations

import csv
import heapq
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from optimus_ops.autoscale.simulate.model import Arrivals, RequestKind
from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage, poisson_times

FACTOR, RAMP_SECONDS = 10, 30
KINDS = (RequestKind("chat", 0.3), RequestKind("stream", 1.5))
"""Their mix gives a mean of 0.5 s: most answers are short, and streams take seconds."""
SHARES = {"chat": 5 / 6, "stream": 1 / 6}
MOST_SECONDS = 86_400
MOST_RATE = 2_000.0
HEADER = ["second", "class", "rate"]
ONE_SECOND = 1.0
LEAST_SPIKE, ALMOST = 3.0, 0.98
"""Times of the first load from which on the highest is a spike; share of the highest that counts as reached."""


def spike(base: float = 20.0, before: int = 120, plateau: int = 300, after: int = 600) -> Arrivals:
    """Return ten times the traffic within half a minute, for some minutes, and back; `base` in requests per second."""
    ramp = [base * (1 + (FACTOR - 1) * (second + 1) / RAMP_SECONDS) for second in range(RAMP_SECONDS)]
    total = [base] * before + ramp + [base * FACTOR] * plateau + ramp[::-1] + [base] * after
    rates = {name: tuple(rate * share for rate in total) for name, share in SHARES.items()}
    return Arrivals("spike", KINDS, rates, step=before + RAMP_SECONDS)


def read_arrivals(path: Path) -> Arrivals:
    """Read a CSV file of second, class and rate (requests per second); a rate holds until its class's next line.

    Raises:
        Refused: it can't be read, or a line says something else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(enumerate(csv.reader(lines), start=1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path} can't be read: {error}", "a CSV file of second,class,rate is wanted") from error
    points: dict[str, dict[int, float]] = {}
    for number, row in rows:
        if row and row != HEADER:
            second, name, rate = _point(path, number, row)
            points.setdefault(name, {})[second] = rate
    if not points:
        raise Refused(f"{path} has no arrivals", "a CSV file of second,class,rate is wanted")
    end = max(second for own in points.values() for second in own) + 1
    kinds = tuple(kind_of(name) for name in points)
    return step_of(Arrivals(path.stem, kinds, {name: _held(own, end) for name, own in points.items()}))


def kind_of(name: str) -> RequestKind:
    """Return a class with its service time: a known one's, else a second."""
    return next((kind for kind in KINDS if kind.name == name), RequestKind(name, ONE_SECOND))


def step_of(arrivals: Arrivals) -> Arrivals:
    """Return arrivals with the second at which their highest load is reached, if that is a spike."""
    offered = [arrivals.offered(second) for second in range(arrivals.seconds)]
    top = max(offered, default=0.0)
    if not offered or top < LEAST_SPIKE * offered[0]:
        return replace(arrivals, step=None)
    return replace(arrivals, step=next(second for second, load in enumerate(offered) if load >= ALMOST * top))


def draw(arrivals: Arrivals, seed: int) -> Iterator[tuple[float, int, float]]:
    """Give time, index of the class and service time of each request in order: Poisson arrivals, exponential service.

    The same seed gives the same requests, whichever rule serves them.
    """
    return heapq.merge(*(_draw_kind(arrivals, index, seed) for index in range(len(arrivals.kinds))))


def _draw_kind(arrivals: Arrivals, index: int, seed: int) -> Iterator[tuple[float, int, float]]:
    kind = arrivals.kinds[index]
    numbers = random.Random(f"{seed} {index}")  # noqa: S311 - the same load each time is the point
    rates = arrivals.rates[kind.name]
    # The rate of a second holds until its end.
    stages = [stage for second, rate in enumerate(rates) for stage in (Stage(second, rate), Stage(second + 1, rate))]
    for at in poisson_times(stages, len(rates), numbers):
        yield at, index, numbers.expovariate(1 / kind.seconds)


def _point(path: Path, number: int, row: list[str]) -> tuple[int, str, float]:
    try:
        second, name, rate = int(row[0]), row[1].strip(), float(row[2])
    except (ValueError, IndexError):
        second, name, rate = -1, "", -1.0
    if len(row) != len(HEADER) or not name or not 0 <= second < MOST_SECONDS or not 0 <= rate <= MOST_RATE:
        raise Refused(
            f"{path}, line {number}: {','.join(row)[:80]!r} is no second,class,rate",
            f"seconds from 0 to {MOST_SECONDS - 1}, rates from 0 to {MOST_RATE:g} requests per second",
        )
    return second, name, rate


def _held(points: dict[int, float], end: int) -> tuple[float, ...]:
    rates, rate = [], 0.0
    for second in range(end):
        rate = points.get(second, rate)
        rates.append(rate)
    return tuple(rates)
