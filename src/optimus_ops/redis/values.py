"""Numbers out of answers that may hold anything in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 2**63
"""Redis counts in 64 bits."""


def whole(value: object) -> int | None:
    """Return a whole number, of itself or of its text; None if it is none."""
    number = real(value)
    return None if number is None else int(number)


def real(value: object) -> float | None:
    """Return a number that is finite and that Redis can count to; None if it is none."""
    if not isinstance(value, int | float | str):
        return None
    try:
        # Through int first: a float would round what is above 2^53.
        number = float(value) if isinstance(value, float) or not str(value).lstrip("-").isdecimal() else int(value)
    except (ValueError, OverflowError):
        return None
    # What is no number or infinite is not within it either.
    return number if abs(number) <= LARGEST else None


def count_of(answer: Mapping[str, object], name: str, default: int = 0) -> int:
    """Return the whole number under a name; `default` where there is none."""
    found = whole(answer.get(name))
    return default if found is None else found


def keys_of(info: Mapping[str, object]) -> int:
    """Return the keys in all databases, out of INFO as redis-py reads it (`db0: {"keys": 3, …}`)."""
    databases = [value for name, value in info.items() if name.startswith("db") and isinstance(value, dict)]
    return sum(count_of(database, "keys") for database in databases)
