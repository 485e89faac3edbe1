"""Distributions, by scipy, which is loaded when they are needed: it takes a third of a second."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from optimus_ops.errors import MissingPrerequisite

INSTALL = "python -m pip install 'optimus-ops[evals]'"


def check_installed() -> None:
    """Raise `MissingPrerequisite` where there is no scipy."""
    if find_spec("scipy") is None:
        raise MissingPrerequisite("scipy is not installed: the gate computes with it", INSTALL)


def student_below(degrees: float, value: float) -> float:
    """Return the probability that Student's t is at most a value."""
    return float(_special().stdtr(degrees, value))


def student_quantile(degrees: float, probability: float) -> float:
    """Return the value that Student's t is at most with a probability."""
    return float(_special().stdtrit(degrees, probability))


def normal_quantile(probability: float) -> float:
    """Return the value that a standard normal variable is at most with a probability."""
    return float(_special().ndtri(probability))


def binomial_above(successes: int, trials: int, probability: float) -> float:
    """Return the probability of more than so many successes."""
    return float(_special().bdtrc(successes, trials, probability))


@cache
def _special() -> Any:
    check_installed()
    from scipy import special  # noqa: PLC0415 - see above

    return special
