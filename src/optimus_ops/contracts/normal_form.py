"""The normal form of a schema: alternatives, each of one type, without references and choices.

Keywords are those of JSON Schema (https://json-schema.org/draft/2020-12) that services emit, and their spelling in
OpenAPI 3.0; others are refused. `oneOf` counts as `anyOf`: which of several branches a value matches is never asked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from optimus_ops.contracts.document import Document

MAX_ALTERNATIVES = 256
MAX_DEPTH = 60

LOWER = {"minimum": "number", "minLength": "string", "minItems": "array", "minProperties": "object"}
UPPER = {"maximum": "number", "maxLength": "string", "maxItems": "array", "maxProperties": "object"}
LIMITS = {**LOWER, **UPPER}
EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
# Compared as a whole: the other side has the same one, or it does not fit.
WHOLE = {"pattern": "string", "format": None, "uniqueItems": "array"}
SHAPES = {"properties": "object", "required": "object", "additionalProperties": "object", "items": "array"}
# The type that a keyword is about, for schemas that do not name one.
ABOUT = {**LIMITS, **SHAPES, "pattern": "string", "uniqueItems": "array"}
CHOICES = ("$ref", "anyOf", "oneOf", "allOf")
KEYWORDS = frozenset({*ABOUT, *EXCLUSIVE.values(), *WHOLE, *CHOICES, "type", "enum", "const"})
# They say nothing of what a value may be.
NOTES = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "nullable"),
        *("externalDocs", "xml", "discriminator", "contentMediaType", "contentEncoding", "$comment", "$defs"),
    }
)
KNOWN = KEYWORDS | NOTES
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
        additional: schema of further fields; None if it is unspecified.
        items: schema of an array's elements.
    """

    kind: str | None = None
    values: tuple[Any, ...] | None = None
    limits: Mapping[str, Bound] = field(default_factory=dict)
    whole: frozenset[tuple[str, str]] = frozenset()
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    additional: Any = None
    items: Any = True

    @property
    def is_map(self) -> bool:
        """Tell whether an object may have fields that are not listed, and says so."""
        return self.additional is not None and self.additional is not False


def canonical(value: Any) -> str:
    """Return JSON in which equal values are equal texts: 1.0 is 1, and true is not."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value, sort_keys=True)


def alternatives(document: Document, raw: Any, depth: int = 0) -> tuple[Alternative, ...]:
    """Return the forms that a value of a schema may have; none for `false`.

    Args:
        document: where references are resolved.
        raw: the schema.
        depth: references and choices followed so far.

    Raises:
        Refused: the schema is malformed, leads in a circle, has too many forms, or a keyword that isn't compared.
    """
    if isinstance(raw, bool):
        return (Alternative(),) if raw else ()
    schema = document.mapping(raw, "a schema")
    if depth > MAX_DEPTH:
        raise document.malformed("a schema leads in a circle")
    branches = _branches(document, schema)
    found = (
        tuple(_own(document, schema))
        if branches is None
        else tuple(form for branch in branches for form in alternatives(document, branch, depth + 1))
    )
    if len(found) > MAX_ALTERNATIVES:
        raise document.malformed(f"a schema has more than {MAX_ALTERNATIVES} forms")
    # OpenAPI 3.0; tools also write it beside a reference.
    return (*found, Alternative("null")) if schema.get("nullable") is True else found


def _branches(document: Document, schema: Mapping[str, Any]) -> list[Any] | None:
    """Return the schemas that a schema is a choice of; None if it stands for itself."""
    choice = next((word for word in CHOICES if word in schema), None)
    for word in schema:
        if word not in KNOWN and not word.startswith("x-"):
            raise document.unsupported(word)
        if choice and word in KEYWORDS and word != choice:
            raise document.unsupported(f"{word} beside {choice}")
    if choice is None:
        return None
    if choice == "$ref":
        return [document.target(schema["$ref"])]
    branches = document.sequence(schema[choice], choice)
    if not branches:
        raise document.malformed(f"{choice} must not be empty")
    if choice == "allOf" and len(branches) > 1:
        raise document.unsupported("allOf of several schemas")
    return branches


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
    limits: dict[str, Bound] = {}
    for word in (found for found, about in LIMITS.items() if about == _subject(kind)):
        exclusive = schema.get(EXCLUSIVE.get(word, ""))
        # In OpenAPI 3.0 a switch beside the limit.
        found = [Bound(_number(document, schema, word), strict=exclusive is True)] if word in schema else []
        if exclusive is not None and not isinstance(exclusive, bool):
            found.append(Bound(_number(document, schema, EXCLUSIVE[word]), strict=True))
        if found:
            tightest = max if word in LOWER else min
            limits[word] = tightest(found, key=lambda bound: (bound.value, bound.strict == (word in LOWER)))
    return limits


def _number(document: Document, schema: Mapping[str, Any], word: str) -> Fraction:
    value = schema[word]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise document.malformed(f"{word} must be a number")
    return Fraction(str(value))


def _whole(document: Document, schema: Mapping[str, Any], kind: str | None) -> Iterator[tuple[str, str]]:
    if not isinstance(schema.get("pattern", ""), str):
        raise document.malformed("pattern must be a text")
    for word, about in WHOLE.items():
        if word in schema and about in {None, kind} and schema[word] is not False:
            yield word, canonical(schema[word])


def _subject(kind: str | None) -> str | None:
    return "number" if kind == "integer" else kind


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
