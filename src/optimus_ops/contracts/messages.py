"""How schemas are said in messages: short, and never the whole of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.contracts.normal_form import Alternative, Bound

MAX_VALUES = 5
MAX_TEXT = 40


@dataclass(frozen=True)
class Way:
    """Who gives values, who takes them, and how that is said.

    Args:
        given: how values come, "is sent as".
        taken: how they are wanted, "accepted is".
        to_provider: whether it is a request: then the consumer gives, and every field counts that it sends; else the
            provider gives, and every field counts that the consumer reads.
    """

    given: str
    taken: str
    to_provider: bool


REQUEST = Way("is sent as", "accepted is", to_provider=True)
RESPONSE = Way("is offered as", "needed is", to_provider=False)


def described(one: Alternative) -> str:
    """Return a form in a few words: its values, else its type."""
    if one.values is None:
        return one.kind or "anything"
    shown = [_short(value) for value in one.values[:MAX_VALUES]]
    return " or ".join(shown) + (" or others" if len(one.values) > MAX_VALUES else "")


def one_of(forms: Sequence[Alternative]) -> str:
    """Return several forms in a few words."""
    return " or ".join(dict.fromkeys(described(form) for form in forms)) or "nothing"


def limit_text(one: Alternative, word: str, bound: Bound | None) -> str:
    """Return a form and its limit: "integer with maximum 50"."""
    if bound is None:
        return f"{described(one)} without {word}"
    number = float(bound.value)
    shown = str(int(number)) if number.is_integer() else str(number)
    return f"{described(one)} with {word} {shown}{' (excluded)' if bound.strict else ''}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
