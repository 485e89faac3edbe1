"""Numbers in answers of Redis, which may hold anything in their place."""

from __future__ import annotations

from collections.abc import Mapping

LARGEST = 2**63
"""Redis counts in 64 bits."""


def whole(value: object) -> int | None:
    """Return an int, a float or their text as a whole number; None if it is none."""
    number = real(value)
    return None if number is None else int(number)


def real(value: object) -> float | None:
    """Return an int, a float or their text as a finite number within Redis' range; None if it is none."""
    if not isinstance(value, int | float | str):
        return None
    try:
        # Through int first: a float would round what is above 2^53.
        number = float(value) if isinstance(value, float) or not str(value).lstrip("-").isdecimal() else int(value)
    except (ValueError, OverflowError):
        return None
    # NaN and infinity fail the comparison too.
    return number if abs(number) <= LARGEST else None


def count_of(answer: Mapping[str, object], name: str, default: int = 0) -> int:
    """Return the whole number of a field, `default` where there is none."""
    found = whole(answer.get(name))
    return default if found is None else found


def databases_of(info: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """Return the databases of INFO as redis-py parses it (`db0: {"keys": 3, …}`)."""
    return {name: value for name, value in info.items() if name.startswith("db") and isinstance(value, dict)}


def keys_of(info: Mapping[str, object], field: str = "keys") -> int:
    """Return the keys in all databases of INFO, or those that expire (`field="expires"`)."""
    return sum(count_of(database, field) for database in databases_of(info).values())
