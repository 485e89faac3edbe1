"""Whether the values of one form keep to the listed values, limits and patterns of another."""

from __future__ import annotations

import json
import re
from typing import Any

from optimus_ops.contracts.messages import Direction, described, limit_text
from optimus_ops.contracts.normal_form import LOWER, Alternative, Bound, canonical


def scalar_reason(given: Alternative, taken: Alternative, direction: Direction) -> str:
    """Return why values of a form are not taken, as far as values, limits and patterns say; empty if they are.

    The form has at most one listed value.
    """
    if taken.values is not None and not _is_among(given, taken.values):
        return direction.reason(described(given), described(taken))
    for word, want in taken.limits.items():
        have = _effective(given, word)
        if not _within(word, have, want):
            return direction.reason(limit_text(given, word, have), limit_text(taken, word, want))
    for word, content in sorted(taken.whole - given.whole):
        if word != "pattern" or given.values is None or not _matches(content, given.values[0]):
            return direction.reason(f"{described(given)} without {word}", f"{word} {content}")
    return ""


def _is_among(given: Alternative, values: tuple[Any, ...]) -> bool:
    return given.values is not None and set(map(canonical, given.values)) <= set(map(canonical, values))


def _effective(form: Alternative, word: str) -> Bound | None:
    """Return a limit that holds for a form, stated or derived; None without one."""
    if form.values is not None:
        value = form.values[0]
        return Bound(len(value) if isinstance(value, str) else value)
    stated = form.limits.get(word)
    if word == "minProperties" and form.required:
        return Bound(max(len(form.required), stated.value if stated else 0))
    return Bound(len(form.properties)) if word == "maxProperties" and not form.is_map else stated


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
