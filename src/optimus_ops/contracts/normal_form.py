"""The normal form of a schema: alternatives, each of one type, without references and choices.

Keywords are those of JSON Schema (https://json-schema.org/draft/2020-12) that FastAPI and pydantic emit; others are
refused. `oneOf` counts as `anyOf`: which of several branches a value matches is never asked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.contracts.document import Document

MAX_ALTERNATIVES = 256
MAX_DEPTH = 60

LOWER = {"minimum": "number", "minLength": "string", "minItems": "array", "minProperties": "object"}
UPPER = {"maximum": "number", "maxLength": "string", "maxItems": "array", "maxProperties": "object"}
LIMITS = {**LOWER, **UPPER}
EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
# Compared as a whole: the other side has the same one, or it does not fit.
WHOLE = {"pattern": "string", "format": None, "uniqueItems": "array"}
# Keywords that say something of values of one type only.
TYPED = frozenset(
    {*LIMITS, *EXCLUSIVE, "pattern", "uniqueItems", "properties", "required", "additionalProperties", "items"}
)
CHOICES = ("$ref", "anyOf", "oneOf", "allOf")
KEYWORDS = frozenset({*TYPED, *CHOICES, "format", "type", "enum", "const"})
# They say nothing of what a value may be.
NOTES = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"),
        *("externalDocs", "xml", "discriminator", "contentMediaType", "contentEncoding", "$comment", "$defs"),
    }
)
TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


@dataclass(frozen=True)
class Bound:
    """A limit of a number, a length or a count; `strict` if the value itself is excluded."""

    value: float
    strict: bool = False


@dataclass(frozen=True)
class Alternative:
    """One of the forms that a value may have: of one type (None: any), or one of some scalar values.

    Args:
        whole: keywords that are compared as a whole, each with its content as JSON.
        additional: schema of further fields; None if it is unspecified.
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
    """Return the forms that a value of a schema may have; none for `false`. `depth`: references followed so far.

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
    return found


def _branches(document: Document, schema: Mapping[str, Any]) -> list[Any] | None:
    """Return the schemas that a schema is a choice of; None if it stands for itself."""
    choice = next((word for word in CHOICES if word in schema), None)
    for word in schema:
        if word not in KEYWORDS | NOTES and not word.startswith("x-"):
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
    """Yield the form by the schema's own keywords; of listed values, one for each type."""
    kind = _kind(document, schema)
    form = Alternative(
        kind=kind,
        limits=_limits(document, schema, kind),
        whole=frozenset(_whole(document, schema, kind)),
        properties=document.mapping(schema.get("properties"), "properties"),
        required=frozenset(map(str, document.sequence(schema.get("required"), "required"))),
        additional=schema.get("additionalProperties"),
        items=schema.get("items", True),
    )
    values = _values(document, schema)
    if values is None:
        yield form
        return
    by_kind: dict[str, list[Any]] = {}
    for value in values:
        if kind in {None, kind_of(value)} or (kind, kind_of(value)) == ("number", "integer"):
            by_kind.setdefault(kind_of(value), []).append(value)
    for own_kind, listed in by_kind.items():
        yield Alternative(own_kind, tuple(listed), form.limits, form.whole)


def _kind(document: Document, schema: Mapping[str, Any]) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        raise document.unsupported("a list of types")
    if kind is None and (untyped := [word for word in schema if word in TYPED]):
        raise document.unsupported(f"{untyped[0]} without type")
    if kind is not None and (not isinstance(kind, str) or kind not in TYPES):
        raise document.malformed(f"{kind!r} is no type")
    return kind


def _values(document: Document, schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema and "enum" in schema:
        raise document.unsupported("const beside enum")
    if "const" not in schema and "enum" not in schema:
        return None
    values = [schema["const"]] if "const" in schema else document.sequence(schema["enum"], "enum")
    if any(isinstance(value, dict | list) for value in values):
        raise document.unsupported("a value that is an object or a list")
    return values


def _limits(document: Document, schema: Mapping[str, Any], kind: str | None) -> Mapping[str, Bound]:
    limits: dict[str, Bound] = {}
    for word, content in schema.items():
        limit = EXCLUSIVE.get(word, word)
        if limit not in LIMITS or LIMITS[limit] != ("number" if kind == "integer" else kind):
            continue
        if isinstance(content, bool) or not isinstance(content, int | float) or not math.isfinite(content):
            raise document.malformed(f"{word} must be a number")
        bound = Bound(content, strict=word in EXCLUSIVE)
        if bound.strict and kind == "integer":
            bound = Bound(math.floor(content) + 1 if limit in LOWER else math.ceil(content) - 1)
        tightest = max if limit in LOWER else min
        limits[limit] = tightest(
            bound, limits.get(limit, bound), key=lambda found: (found.value, found.strict == (limit in LOWER))
        )
    return limits


def _whole(document: Document, schema: Mapping[str, Any], kind: str | None) -> Iterator[tuple[str, str]]:
    if not isinstance(schema.get("pattern", ""), str):
        raise document.malformed("pattern must be a text")
    for word, about in WHOLE.items():
        if word in schema and about in {None, kind} and schema[word] is not False:
            yield word, canonical(schema[word])


def kind_of(value: Any) -> str:
    """Return the JSON type of a scalar; a number without fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    return {float: "number", str: "string"}.get(type(value), "null")
