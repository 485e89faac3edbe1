"""Whether every value of one schema is a value of another: the rule under all comparisons of contracts.

What can't be decided counts as a mismatch: a `pattern` fits the same pattern only, and a form must fit one form of the
other side as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from optimus_ops.contracts.document import Document
from optimus_ops.contracts.messages import Direction, described, limit_text, one_of
from optimus_ops.contracts.normal_form import LOWER, MAX_DEPTH, Alternative, Bound, alternatives, canonical

# A contract of this platform takes about a thousand; a document made to be slow is refused.
MAX_COMPARISONS = 200_000


@dataclass(frozen=True)
class Mismatch:
    """A place (`.results[].score`, "" for the whole value) where one side gives what the other one does not take."""

    path: str
    reason: str


@dataclass
class SubschemaCheck:
    """Compares schemas of the document whose side gives values with those of the side that takes them."""

    giver: Document
    taker: Document
    direction: Direction
    _pending: set[tuple[str, str]] = field(default_factory=set, init=False)
    _comparisons: int = field(default=0, init=False)

    def mismatches(self, given: Any, taken: Any, path: str = "") -> tuple[Mismatch, ...]:
        """Return where values of `given`, a schema of the giver, are not values of `taken`, a schema of the taker."""
        pair = (canonical(given), canonical(taken))
        if pair in self._pending:
            # A recursive schema: that they fit is what is being shown.
            return ()
        self._count()
        self._pending.add(pair)
        try:
            forms = alternatives(self._at(self.taker, path), taken)
            given_forms = alternatives(self._at(self.giver, path), given)
            found = [mismatch for form in given_forms for mismatch in self._of_form(form, forms, path)]
        finally:
            self._pending.discard(pair)
        return tuple(dict.fromkeys(found))

    def _at(self, document: Document, path: str) -> Document:
        return document.at(f"{document.place}, {self.direction.name} {path or 'body'}")

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS or len(self._pending) > MAX_DEPTH:
            raise self.giver.malformed("its schemas are too complicated to compare")

    def _of_form(self, given: Alternative, forms: tuple[Alternative, ...], path: str) -> Iterator[Mismatch]:
        """Yield the mismatches of one form with the form that comes nearest to it; none if it fits one."""
        candidates = [form for form in forms if _kind_fits(given, form)]
        if not candidates:
            yield Mismatch(path, self.direction.reason(described(given), one_of(forms)))
            return
        for single in _singles(given):
            yield from min((tuple(self._of_pair(single, form, path)) for form in candidates), key=len)

    def _of_pair(self, given: Alternative, taken: Alternative, path: str) -> Iterator[Mismatch]:
        self._count()
        if reason := scalar_reason(given, taken, self.direction):
            yield Mismatch(path, reason)
        if given.kind == "object":
            compare = self._of_request_object if self.direction.to_provider else self._of_response_object
            yield from compare(given, taken, path)
        most = given.limits.get("maxItems")
        if given.kind == "array" and (most is None or most.value > 0):
            yield from self.mismatches(given.items, taken.items, f"{path}[]")

    def _of_request_object(self, given: Alternative, taken: Alternative, path: str) -> Iterator[Mismatch]:
        for name, schema in given.properties.items():
            target = taken.properties.get(name, taken.additional if taken.is_map else None)
            if target is None:
                yield Mismatch(f"{path}.{name}", "is sent, but not known there")
            else:
                yield from self.mismatches(schema, target, f"{path}.{name}")
        for name in sorted(taken.required - given.required):
            sent = "not always sent" if name in given.properties else "not sent"
            yield Mismatch(f"{path}.{name}", f"is required there, but {sent}")
        if given.is_map and not taken.is_map:
            yield Mismatch(f"{path}.*", "any further field is sent, but none is accepted")
        elif given.is_map:
            others = [schema for name, schema in taken.properties.items() if name not in given.properties]
            for schema in (taken.additional, *others):
                yield from self.mismatches(given.additional, schema, f"{path}.*")

    def _of_response_object(self, given: Alternative, taken: Alternative, path: str) -> Iterator[Mismatch]:
        for name in dict.fromkeys([*taken.properties, *sorted(taken.required)]):
            schema = taken.properties.get(name, True)
            if name in given.properties:
                if name in taken.required - given.required:
                    yield Mismatch(f"{path}.{name}", "is not always there")
                yield from self.mismatches(given.properties[name], schema, f"{path}.{name}")
            elif name in taken.required:
                yield Mismatch(f"{path}.{name}", "is not offered")
            elif given.is_map and given.additional is not True:
                yield from self.mismatches(given.additional, schema, f"{path}.{name}")
        if taken.is_map:
            further = [schema for name, schema in given.properties.items() if name not in taken.properties]
            for schema in (*further, given.additional) if given.is_map else further:
                yield from self.mismatches(schema, taken.additional, f"{path}.*")


def _kind_fits(given: Alternative, taken: Alternative) -> bool:
    return taken.kind in {None, given.kind} or (given.kind, taken.kind) == ("integer", "number")


def _singles(form: Alternative) -> Iterator[Alternative]:
    """Yield a form for each listed value, since each may fit another form."""
    if form.values is None:
        yield form
    for value in form.values or ():
        yield replace(form, values=(value,))


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
