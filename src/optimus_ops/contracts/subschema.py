"""Whether every value of one schema is a value of another: the rule under all comparisons of contracts.

What can't be decided counts as a misfit: a `pattern` fits the same pattern only, and a form must fit one form of the
other side as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from optimus_ops.contracts.constraints import effective, scalar_reason
from optimus_ops.contracts.messages import described, one_of
from optimus_ops.contracts.normal_form import MAX_DEPTH, Alternative, Bound, alternatives, canonical, is_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.contracts.document import Document
    from optimus_ops.contracts.messages import Way

# A contract of this platform takes about a thousand; a document made to be slow is refused.
MAX_COMPARISONS = 200_000


@dataclass(frozen=True)
class Misfit:
    """A place where one side says what the other one does not take.

    Args:
        path: the place, `.results[].score`; empty for the whole value.
        reason: what is wrong there.
    """

    path: str
    reason: str


@dataclass
class Fitting:
    """Compares schemas of two documents.

    Args:
        giver: the document of the side that gives values.
        taker: the document of the side that takes them.
        way: which side is which.
    """

    giver: Document
    taker: Document
    way: Way
    _pending: set[tuple[str, str]] = field(default_factory=set, init=False)
    _comparisons: int = field(default=0, init=False)

    def misfits(self, given: Any, taken: Any, path: str = "") -> tuple[Misfit, ...]:
        """Return where values of `given` are not taken.

        Args:
            given: schema of the giver's document.
            taken: schema of the taker's document.
            path: where they stand.

        Raises:
            Refused: a schema is malformed, or too complicated to compare.
        """
        pair = (canonical(given), canonical(taken))
        if pair in self._pending:
            # A recursive schema: that they fit is what is being shown.
            return ()
        self._count()
        self._pending.add(pair)
        try:
            forms = alternatives(self.taker, taken)
            found = [misfit for one in alternatives(self.giver, given) for misfit in self._of_form(one, forms, path)]
        finally:
            self._pending.discard(pair)
        return tuple(dict.fromkeys(found))

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS or len(self._pending) > MAX_DEPTH:
            raise self.giver.malformed("its schemas are too complicated to compare")

    def _of_form(self, one: Alternative, forms: tuple[Alternative, ...], path: str) -> Iterator[Misfit]:
        """Yield the misfits of one form with the form that comes nearest to it; none if it fits one."""
        candidates = [form for form in forms if _kind_fits(one, form)]
        if not candidates:
            yield Misfit(path, f"{self.way.given} {described(one)}, {self.way.taken} {one_of(forms)}")
            return
        for single in _singles(one):
            if scalar_reason(single, one, self.way):
                # A value against the form's own limits is never given.
                continue
            tried = [tuple(self._of_pair(single, form, path)) for form in candidates]
            yield from min(tried, key=len)

    def _of_pair(self, one: Alternative, form: Alternative, path: str) -> Iterator[Misfit]:
        self._count()
        if reason := scalar_reason(one, form, self.way):
            yield Misfit(path, reason)
        if one.kind == "object":
            yield from (
                self._of_request_object(one, form, path)
                if self.way.to_provider
                else self._of_response_object(one, form, path)
            )
        if one.kind == "array":
            yield from self._of_array(one, form, path)

    def _of_request_object(self, one: Alternative, form: Alternative, path: str) -> Iterator[Misfit]:
        for name, schema in one.properties.items():
            target = form.properties.get(name, form.additional if form.is_map else None)
            if target is None:
                yield Misfit(f"{path}.{name}", "is sent, but not known there")
            else:
                yield from self.misfits(schema, target, f"{path}.{name}")
        for name in sorted(form.required - one.required):
            said = "not always sent" if name in one.properties else "not sent"
            yield Misfit(f"{path}.{name}", f"is required there, but {said}")
        if one.is_map:
            others = {name: schema for name, schema in form.properties.items() if name not in one.properties}
            if not form.is_map:
                yield Misfit(f"{path}.*", "any further field is sent, but none is accepted")
            for schema in (form.additional, *others.values()) if form.is_map else ():
                yield from self.misfits(one.additional, schema, f"{path}.*")

    def _of_response_object(self, one: Alternative, form: Alternative, path: str) -> Iterator[Misfit]:
        for name in dict.fromkeys([*form.properties, *sorted(form.required)]):
            schema = form.properties.get(name, True)
            if name in one.properties:
                if name in form.required - one.required:
                    yield Misfit(f"{path}.{name}", "is not always there")
                yield from self.misfits(one.properties[name], schema, f"{path}.{name}")
            elif name in form.required:
                yield Misfit(f"{path}.{name}", "is not offered")
            elif one.is_map and one.additional is not True:
                yield from self.misfits(one.additional, schema, f"{path}.{name}")
        if form.is_map:
            further = [schema for name, schema in one.properties.items() if name not in form.properties]
            for schema in (*further, one.additional) if one.is_map else further:
                yield from self.misfits(schema, form.additional, f"{path}.*")

    def _of_array(self, one: Alternative, form: Alternative, path: str) -> Iterator[Misfit]:
        most = effective(one, "maxItems")
        listed = max(len(one.prefix), len(form.prefix))
        for index in range(listed):
            if most is None or index < most.value:
                yield from self.misfits(one.element(index), form.element(index), f"{path}[{index}]")
        if most is None or most.value > listed:
            yield from self.misfits(one.items, form.items, f"{path}[]")


def _kind_fits(one: Alternative, form: Alternative) -> bool:
    if form.kind is None or one.kind == form.kind:
        return True
    if one.values is not None:
        return all(is_of(value, form.kind) for value in one.values)
    return one.kind == "integer" and form.kind == "number"


def _singles(one: Alternative) -> Iterator[Alternative]:
    """Yield a form for each value where the values are known, since each may fit another form."""
    values = {"boolean": (False, True), "null": (None,)}.get(one.kind or "") if one.values is None else one.values
    if values is None:
        yield one
    for value in values or ():
        yield _of_value(value, one)


def _of_value(value: Any, one: Alternative) -> Alternative:
    """Return the form that has one value only, taken apart so that its parts can be compared."""
    kind = kind_of(value)
    if isinstance(value, dict):
        fields: Mapping[str, Any] = {name: {"const": inner} for name, inner in value.items()}
        return Alternative(
            kind, (value,), whole=one.whole, properties=fields, required=frozenset(fields), additional=False
        )
    if isinstance(value, list):
        size = Bound(Fraction(len(value)))
        prefix = tuple({"const": inner} for inner in value)
        limits = {"minItems": size, "maxItems": size}
        return Alternative(kind, (value,), limits=limits, whole=one.whole, prefix=prefix)
    return Alternative(kind, (value,), whole=one.whole)
