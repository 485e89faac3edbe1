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
    from optimus_ops.contracts.messages import Way


def scalar_reason(one: Alternative, form: Alternative, way: Way) -> str:
    """Return why values of a form are not taken, as far as values, limits and patterns say; empty if they are.

    Args:
        one: the form that is given.
        form: the form that is taken.
        way: how that is said.
    """
    if form.values is not None and not _is_among(one, form.values):
        return f"{way.given} {described(one)}, {way.taken} {described(form)}"
    for word, bound in form.limits.items():
        have, want = effective(one, word), _tight(form, word, bound)
        if not _within(word, have, want):
            return f"{way.given} {limit_text(one, word, have)}, {way.taken} {limit_text(form, word, want)}"
    for word, content in sorted(form.whole - one.whole):
        if not _meets(one, word, content):
            return f"{way.given} {described(one)} without {word}, {way.taken} {word} {content}"
    return ""


def _is_among(one: Alternative, values: tuple[Any, ...]) -> bool:
    return one.values is not None and set(map(canonical, one.values)) <= set(map(canonical, values))


def effective(one: Alternative, word: str) -> Bound | None:
    """Return a limit that holds for a form, whether it is said or follows from something else; None without one."""
    if one.values is not None and len(one.values) == 1 and (measure := _measured(one.values[0], word)) is not None:
        return Bound(measure)
    if word == "minProperties" and len(one.required) > 0:
        said = one.limits.get(word)
        return max((Bound(Fraction(len(one.required))), *([said] if said else [])), key=lambda bound: bound.value)
    if word == "maxItems" and one.items is False and word not in one.limits:
        return Bound(Fraction(len(one.prefix)))
    if word == "maxProperties" and not one.is_map:
        return Bound(Fraction(len(one.properties)))
    found = one.limits.get(word)
    return None if found is None else _tight(one, word, found)


def _measured(value: Any, word: str) -> Fraction | None:
    """Return what a limit is about in a value: the number itself, or a length."""
    if word in {"minimum", "maximum"}:
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return Fraction(str(value)) if known else None
    return Fraction(len(value)) if isinstance(value, str | list | dict) else None


def _tight(one: Alternative, word: str, bound: Bound) -> Bound:
    """Return the same limit without `strict` where values are whole numbers."""
    if one.kind != "integer" or not bound.strict:
        return bound
    return Bound(Fraction(math.floor(bound.value) + 1 if word in LOWER else math.ceil(bound.value) - 1))


def _within(word: str, have: Bound | None, want: Bound) -> bool:
    if have is None:
        # No length and no count is below 0.
        return word in LOWER and word != "minimum" and want.value <= 0
    if have.value == want.value:
        return have.strict or not want.strict
    return have.value > want.value if word in LOWER else have.value < want.value


def _meets(one: Alternative, word: str, content: str) -> bool:
    """Tell whether the values of a form meet a keyword that is compared as a whole."""
    if word == "multipleOf":
        return _is_multiple(one, Fraction(content))
    if word == "pattern" and one.values is not None:
        return all(_matches(content, value) for value in one.values)
    return False


def _is_multiple(one: Alternative, step: Fraction) -> bool:
    if one.values is not None:
        return all(Fraction(str(value)) % step == 0 for value in one.values)
    steps = [Fraction(content) for word, content in one.whole if word == "multipleOf"]
    if one.kind == "integer":
        steps.append(Fraction(1))
    return any(known % step == 0 for known in steps)


def _matches(content: str, value: Any) -> bool:
    try:
        return re.search(json.loads(content), value) is not None
    except re.error:
        return False
