"""How much of a long matrix a run tries: a share that is spread over it, or with `nox -s properties` all of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def some(cases: Sequence[T], one_in: int, first: int = 0) -> Sequence[T]:
    """Return one in so many of the cases, from the first of these on; all of them in a thorough run."""
    return cases if THOROUGH else cases[first % one_in :: one_in]
