"""How schemas are named in messages: short, and never the whole of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from optimus_ops.contracts.normal_form import Alternative, Bound, canonical

MAX_VALUES = 5
MAX_LENGTH = 40


@dataclass(frozen=True)
class Direction:
    """Who gives values, who takes them, and the words for it.

    In a request (`to_provider`) the consumer gives, and every field counts that it sends; in a response the provider
    gives, and every field counts that the consumer reads.
    """

    name: str
    given: str
    taken: str
    to_provider: bool

    def reason(self, given: str, taken: str) -> str:
        """Return why what is given is not taken."""
        return f"{self.given} {given}, {self.taken} {taken}"


REQUEST = Direction("request", "is sent as", "accepted is", to_provider=True)
RESPONSE = Direction("response", "is offered as", "needed is", to_provider=False)


def described(form: Alternative) -> str:
    """Return a form in a few words: its values, else its type."""
    if form.values is None:
        return form.kind or "anything"
    shown = [_short(value) for value in form.values[:MAX_VALUES]]
    return " or ".join(shown) + (" or others" if len(form.values) > MAX_VALUES else "")


def one_of(forms: Iterable[Alternative]) -> str:
    """Return several forms in a few words."""
    return " or ".join(dict.fromkeys(map(described, forms))) or "nothing"


def limit_text(form: Alternative, word: str, bound: Bound | None) -> str:
    """Return a form and its limit: "integer with maximum 50"."""
    if bound is None:
        return f"{described(form)} without {word}"
    return f"{described(form)} with {word} {canonical(bound.value)}{' (excluded)' if bound.strict else ''}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
