"""The normal form of a schema: alternatives, each of one type, without references and combinations.

Keywords are those of JSON Schema (https://json-schema.org/draft/2020-12) that OpenAPI 3.0 and 3.1 use. `oneOf` counts
as `anyOf`: which of several branches a value would match is never asked here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from optimus_ops.contracts.document import Document

MAX_ALTERNATIVES = 256
MAX_DEPTH = 60

LOWER = {"minimum": "number", "minLength": "string", "minItems": "array", "minProperties": "object"}
UPPER = {"maximum": "number", "maxLength": "string", "maxItems": "array", "maxProperties": "object"}
# Keywords that are compared as a whole: the other side has the same one, or it does not fit.
WHOLE = {
    "pattern": "string",
    "format": None,
    "multipleOf": "number",
    "uniqueItems": "array",
    "contains": "array",
    "minContains": "array",
    "maxContains": "array",
    "unevaluatedItems": "array",
    "propertyNames": "object",
    "patternProperties": "object",
    "unevaluatedProperties": "object",
    "dependentRequired": "object",
    "dependentSchemas": "object",
    "not": None,
    "if": None,
    "then": None,
    "else": None,
}
SHAPES = {"properties": "object", "required": "object", "additionalProperties": "object", "items": "array"}
# The type that a keyword is about, for schemas that do not name one.
ABOUT = {**LOWER, **UPPER, **SHAPES, "prefixItems": "array", **{word: kind for word, kind in WHOLE.items() if kind}}
TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


@dataclass(frozen=True)
class Bound:
    """A limit of a number, a length or a count; `strict` if the value itself is excluded."""

    value: Fraction
    strict: bool = False


@dataclass(frozen=True)
class Alternative:
    """One of the forms that a value may have.

    Args:
        kind: its JSON type; None for any.
        values: the only values there are; None if they are not listed.
        limits: keyword -> bound.
        whole: keywords that are compared as a whole, each with its content as JSON.
        properties: field of an object -> schema.
        required: fields that an object always has.
        additional: schema of further fields; None if nothing is said of them.
        prefix: schemas of an array's first elements.
        items: schema of an array's further elements.
    """

    kind: str | None = None
    values: tuple[Any, ...] | None = None
    limits: Mapping[str, Bound] = field(default_factory=dict)
    whole: frozenset[tuple[str, str]] = frozenset()
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    additional: Any = None
    prefix: tuple[Any, ...] = ()
    items: Any = True

    @property
    def is_map(self) -> bool:
        """Tell whether an object may have fields that are not listed, and says so."""
        return self.additional is not None and self.additional is not False

    def element(self, index: int) -> Any:
        """Return the schema of an array's element."""
        return self.prefix[index] if index < len(self.prefix) else self.items


def canonical(value: Any) -> str:
    """Return JSON in which equal values are equal texts: 1.0 is 1, and true is not."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value, sort_keys=True)


def alternatives(document: Document, raw: Any, depth: int = 0) -> tuple[Alternative, ...]:
    """Return the forms that a value of a schema may have; none for `false`.

    Args:
        document: where references are resolved.
        raw: the schema.
        depth: references and combinations followed so far.

    Raises:
        Refused: the schema is malformed, leads in a circle, or has too many forms.
    """
    if isinstance(raw, bool):
        return (Alternative(),) if raw else ()
    schema = document.mapping(raw, "a schema")
    if depth > MAX_DEPTH:
        raise document.malformed("a schema leads in a circle")
    found: tuple[Alternative, ...] = (Alternative(),)
    for group in _groups(document, schema, depth + 1):
        found = tuple(both for one in found for other in group if (both := merged(one, other)) is not None)
        if len(found) > MAX_ALTERNATIVES:
            raise document.malformed(f"a schema has more than {MAX_ALTERNATIVES} forms")
    # OpenAPI 3.0; tools also write it beside a reference.
    return (*found, Alternative("null")) if schema.get("nullable") is True else found


def _groups(document: Document, schema: Mapping[str, Any], depth: int) -> Iterator[tuple[Alternative, ...]]:
    """Yield what must hold together: each group is a choice of forms."""
    if "$ref" in schema:
        yield alternatives(document, document.target(schema["$ref"]), depth)
    yield tuple(_own(document, schema))
    for part in document.sequence(schema.get("allOf"), "allOf"):
        yield alternatives(document, part, depth)
    for word in ("anyOf", "oneOf"):
        if branches := document.sequence(schema.get(word), word):
            yield tuple(found for branch in branches for found in alternatives(document, branch, depth))


def _own(document: Document, schema: Mapping[str, Any]) -> Iterator[Alternative]:
    """Yield the forms by the schema's own keywords, one for each type."""
    values = _values(document, schema)
    for kind in _kinds(document, schema, values):
        fitting = None if values is None else tuple(value for value in values if is_of(value, kind))
        if fitting == ():
            continue
        yield Alternative(
            kind=kind,
            values=fitting,
            limits=_limits(document, schema, kind),
            whole=frozenset(_whole(document, schema, kind)),
            properties=document.mapping(schema.get("properties"), "properties"),
            required=frozenset(map(str, document.sequence(schema.get("required"), "required"))),
            additional=schema.get("additionalProperties"),
            prefix=tuple(document.sequence(schema.get("prefixItems"), "prefixItems")),
            items=schema.get("items", True),
        )


def _values(document: Document, schema: Mapping[str, Any]) -> tuple[Any, ...] | None:
    listed = document.sequence(schema["enum"], "enum") if "enum" in schema else None
    if "const" not in schema:
        return None if listed is None else tuple(listed)
    kept = listed is None or canonical(schema["const"]) in map(canonical, listed)
    return (schema["const"],) if kept else ()


def _kinds(document: Document, schema: Mapping[str, Any], values: tuple[Any, ...] | None) -> Iterable[str | None]:
    named = schema.get("type")
    if named is None and values is not None:
        return dict.fromkeys(kind_of(value) for value in values)
    if named is None:
        # Who writes `minLength` without `type` means a string.
        return dict.fromkeys(ABOUT[word] for word in schema if word in ABOUT) or (None,)
    kinds = named if isinstance(named, list) else [named]
    if unknown := [kind for kind in kinds if not isinstance(kind, str) or kind not in TYPES]:
        raise document.malformed(f"{unknown[0]!r} is no type")
    return dict.fromkeys(kinds)


def _limits(document: Document, schema: Mapping[str, Any], kind: str | None) -> Mapping[str, Bound]:
    about = "number" if kind == "integer" else kind
    limits = {word: _bound(document, schema, word) for word in (*LOWER, *UPPER) if word in schema}
    for word, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        said = schema.get(exclusive)
        if said is True and word in limits:
            # OpenAPI 3.0: a switch beside the limit.
            limits[word] = replace(limits[word], strict=True)
        elif said is not None and not isinstance(said, bool):
            limit = replace(_bound(document, schema, exclusive), strict=True)
            limits[word] = _tighter(word, limits[word], limit) if word in limits else limit
    return {word: limit for word, limit in limits.items() if {**LOWER, **UPPER}[word] == about}


def _bound(document: Document, schema: Mapping[str, Any], word: str) -> Bound:
    value = schema[word]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise document.malformed(f"{word} must be a number")
    return Bound(Fraction(str(value)))


def _whole(document: Document, schema: Mapping[str, Any], kind: str | None) -> Iterator[tuple[str, str]]:
    about = "number" if kind == "integer" else kind
    if not isinstance(schema.get("pattern", ""), str):
        raise document.malformed("pattern must be a text")
    if "multipleOf" in schema and _bound(document, schema, "multipleOf").value <= 0:
        raise document.malformed("multipleOf must be above 0")
    for word, subject in WHOLE.items():
        if word in schema and subject in {None, about} and schema[word] is not False:
            yield word, canonical(schema[word])


def kind_of(value: Any) -> str:
    """Return the JSON type of a value; a number without fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names: Mapping[type, str] = {float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def is_of(value: Any, kind: str | None) -> bool:
    """Tell whether a value is of a JSON type."""
    return kind is None or kind_of(value) == kind or (kind == "number" and kind_of(value) == "integer")


def merged(one: Alternative, other: Alternative) -> Alternative | None:
    """Return the form of values that have both forms; None if there are none."""
    kinds = {one.kind, other.kind} - {None}
    if kinds == {"integer", "number"}:
        kinds = {"integer"}
    if len(kinds) > 1:
        return None
    kind = next(iter(kinds), None)
    values = _common(one.values, other.values)
    values = None if values is None else tuple(value for value in values if is_of(value, kind))
    if values == ():
        return None
    return Alternative(
        kind=kind,
        values=values,
        limits={word: _limit(word, one, other) for word in (*one.limits, *other.limits)},
        whole=one.whole | other.whole,
        properties={name: _field(name, one, other) for name in (*one.properties, *other.properties)},
        required=one.required | other.required,
        additional=_both(one.additional, other.additional),
        prefix=tuple(_both(one.element(i), other.element(i)) for i in range(max(len(one.prefix), len(other.prefix)))),
        items=_both(one.items, other.items),
    )


def _common(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    known = set(map(canonical, other))
    return tuple(value for value in one if canonical(value) in known)


def _limit(word: str, one: Alternative, other: Alternative) -> Bound:
    found = [side.limits[word] for side in (one, other) if word in side.limits]
    return found[0] if len(found) == 1 else _tighter(word, *found)


def _tighter(word: str, one: Bound, other: Bound) -> Bound:
    if word in LOWER:
        return max(one, other, key=lambda bound: (bound.value, bound.strict))
    return min(one, other, key=lambda bound: (bound.value, not bound.strict))


def _field(name: str, one: Alternative, other: Alternative) -> Any:
    """Return the schema of a field of both: who forbids further fields forbids those of the other side."""
    return _both(one.properties.get(name, one.additional), other.properties.get(name, other.additional))


def _both(one: Any, other: Any) -> Any:
    if one is None or one is True or one == other:
        return other
    if other is None or other is True:
        return one
    return False if False in (one, other) else {"allOf": [one, other]}
