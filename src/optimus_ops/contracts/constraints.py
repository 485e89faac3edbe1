"""Whether the values of one form keep to the listed values, limits and patterns of another."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from optimus_ops.contracts.messages import described, limit_text
from optimus_ops.contracts.normal_form import LOWER, Alternative, Bound, canonical

if TYPE_CHECKING:
    from optimus_ops.contracts.messages import Direction


def scalar_reason(given: Alternative, taken: Alternative, direction: Direction) -> str:
    """Return why values of a form are not taken, as far as values, limits and patterns say; empty if they are."""
    if taken.values is not None and not _is_among(given, taken.values):
        return direction.reason(described(given), described(taken))
    for word, bound in taken.limits.items():
        have, want = _effective(given, word), _whole_numbers(taken, word, bound)
        if not _within(word, have, want):
            return direction.reason(limit_text(given, word, have), limit_text(taken, word, want))
    for word, content in sorted(taken.whole - given.whole):
        if word != "pattern" or given.values is None or not all(_matches(content, value) for value in given.values):
            return direction.reason(f"{described(given)} without {word}", f"{word} {content}")
    return ""


def _is_among(given: Alternative, values: tuple[Any, ...]) -> bool:
    return given.values is not None and set(map(canonical, given.values)) <= set(map(canonical, values))


def _effective(form: Alternative, word: str) -> Bound | None:
    """Return a limit that holds for a form, stated or derived; None without one."""
    if form.values is not None and len(form.values) == 1 and (measure := _measured(form.values[0], word)) is not None:
        return Bound(measure)
    stated = form.limits.get(word)
    if word == "minProperties" and form.required:
        return Bound(max(Fraction(len(form.required)), stated.value if stated else Fraction()))
    if word == "maxProperties" and not form.is_map:
        return Bound(Fraction(len(form.properties)))
    return None if stated is None else _whole_numbers(form, word, stated)


def _measured(value: Any, word: str) -> Fraction | None:
    """Return what a limit is about in a value: the number itself, or a length."""
    if word in {"minimum", "maximum"}:
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return Fraction(str(value)) if known else None
    return Fraction(len(value)) if isinstance(value, str | list | dict) else None


def _whole_numbers(form: Alternative, word: str, bound: Bound) -> Bound:
    """Return the same limit without `strict` where values are whole numbers."""
    if form.kind != "integer" or not bound.strict:
        return bound
    return Bound(Fraction(math.floor(bound.value) + 1 if word in LOWER else math.ceil(bound.value) - 1))


def _within(word: str, have: Bound | None, want: Bound) -> bool:
    if have is None:
        # No length and no count is below 0.
        return word in LOWER and word != "minimum" and want.value <= 0
    if have.value == want.value:
        return have.strict or not want.strict
    return have.value > want.value if word in LOWER else have.value < want.value


def _matches(content: str, value: Any) -> bool:
    try:
        return re.search(json.loads(content), value) is not None
    except re.error:
        return False
