"""OpenAPI documents to compare: small ones by hand, any by chance, and what values their schemas have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import Contract

Json = Any
TEXT = {"type": "string"}
COUNT = {"type": "integer"}
WORDS = st.sampled_from(["id", "text", "score", "limit", "title", "type", "items", "required"])


def json_body(schema: Json) -> dict[str, Json]:
    return {"content": {"application/json": {"schema": schema}}}


def document(paths: Mapping[str, Json], schemas: Mapping[str, Json] | None = None) -> dict[str, Json]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "0"},
        "paths": dict(paths),
        "components": {"schemas": dict(schemas or {})},
    }


def found(need: Any, offer: Any) -> list[tuple[str, str, str]]:
    return [(finding.endpoint, finding.field, finding.reason) for finding in breaks("shop", need, "stock", offer)]


def call(request: Json = None, response: Json = None, **operation: Json) -> dict[str, Json]:
    """Return a document with one endpoint, `POST /ask`."""
    said = {"responses": {"200": {"description": "", **({} if response is None else json_body(response))}}, **operation}
    if request is not None:
        said["requestBody"] = {"required": True, **json_body(request)}
    return document({"/ask": {"post": said}})


def fields(required: str = "", **properties: Json) -> dict[str, Json]:
    """Return the schema of an object; `required` names fields, `*` all of them."""
    names = list(properties) if required == "*" else required.split()
    return {"type": "object", "properties": properties, "required": names}


def schema_of(value: Json) -> Json:
    """Return the schema that says of a value whatever a schema can say."""
    match value:
        case dict():
            return fields("*", **{name: schema_of(inner) for name, inner in value.items()})
        case list():
            items = {"items": {"anyOf": [schema_of(inner) for inner in value]}} if value else {}
            return {"type": "array", "minItems": len(value), "maxItems": len(value), **items}
    return {"const": value}


def contract(needs: Mapping[str, Json] | None = None, offers: Json = None) -> Contract:
    return Contract(offers or document({}), dict(needs or {}))


# ---- schemas by chance


def strings() -> st.SearchStrategy[Json]:
    bounds = st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(2, 4)}
    )
    return bounds | st.sampled_from([{"type": "string", "pattern": "^a"}, {"type": "string", "format": "uuid"}])


def numbers() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-2, 1),
            "maximum": st.integers(1, 4),
            "exclusiveMinimum": st.integers(-2, 0),
            "exclusiveMaximum": st.integers(3, 5),
        },
    )


def listed() -> st.SearchStrategy[Json]:
    values = st.sampled_from(["a", "bb", 0, 1, 2.5, True, None])
    return st.one_of(
        st.lists(values, min_size=1, max_size=3).map(lambda found: {"enum": found}),
        values.map(lambda value: {"const": value}),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True]),
    )


def objects(
    inner: st.SearchStrategy[Json], further: st.SearchStrategy[Json] | None = None, fewest: int = 0
) -> st.SearchStrategy[Json]:
    """Objects of at least so many fields; `further`: what they say of other ones, by default anything or nothing."""

    def made(properties: dict[str, Json], needed: int, additional: Json) -> Json:
        said = {"type": "object", "properties": properties, "required": sorted(properties)[:needed]}
        return said if additional is None else {**said, "additionalProperties": additional}

    names = st.dictionaries(WORDS, inner, min_size=fewest, max_size=3)
    others = st.none() | st.booleans() | inner if further is None else further
    return st.builds(made, names, st.integers(0, 3), others)


def arrays(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={
            "minItems": st.integers(0, 1),
            "maxItems": st.integers(1, 3),
        },
    )


def combined(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        several.map(lambda found: {"anyOf": found}),
        inner.map(lambda found: {"allOf": [found]}),
        several.map(lambda found: {"oneOf": found}),
    )


SCHEMAS = st.recursive(
    strings() | numbers() | listed() | st.just({"$ref": "#/components/schemas/Shared"}),
    lambda inner: objects(inner) | arrays(inner) | combined(inner),
    max_leaves=6,
)
# What a body can be in an interface that people write: an object.
BODIES = objects(SCHEMAS)
NO_OTHERS = st.sampled_from([None, False])
CLOSED_BODIES = objects(SCHEMAS, NO_OTHERS)
# Trees through themselves, once or twice.
SHARED = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Shared"}},
        "parent": {"anyOf": [{"$ref": "#/components/schemas/Shared"}, {"type": "null"}]},
    },
    "required": ["text"],
}


@st.composite
def offers(draw: st.DrawFn) -> dict[str, Json]:
    """An OpenAPI document with one or two endpoints."""
    paths = {}
    for path in draw(st.lists(st.sampled_from(["/ask", "/things/{id}", "/things"]), min_size=1, unique=True)):
        operation: dict[str, Json] = {
            "responses": draw(
                st.dictionaries(
                    st.sampled_from(["200", "201", "2XX", "404", "default"]),
                    BODIES.map(lambda schema: {"description": "", **json_body(schema)}),
                    min_size=1,
                    max_size=2,
                )
            ),
            "parameters": draw(
                st.lists(
                    st.builds(
                        lambda name, place, needed, schema: {
                            "name": name,
                            "in": place,
                            "required": needed,
                            "schema": schema,
                        },
                        WORDS,
                        st.sampled_from(["query", "header", "cookie"]),
                        st.booleans(),
                        strings() | numbers(),
                    ),
                    max_size=2,
                    unique_by=lambda found: (found["in"], found["name"]),
                )
            ),
        }
        if draw(st.booleans()):
            operation["requestBody"] = {"required": draw(st.booleans()), **json_body(draw(BODIES))}
        paths[path] = {draw(st.sampled_from(["get", "post"])): operation}
    return document(paths, {"Shared": SHARED})


# ---- an independent opinion


def is_valid(value: Json, schema: Json, schemas: Mapping[str, Json]) -> bool:
    """Tell whether a value is of a schema, by the rules of JSON Schema; formats are not looked at."""
    if isinstance(schema, bool):
        return schema
    referred = [schemas[schema["$ref"].rpartition("/")[2]]] if "$ref" in schema else []
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return (
        all(is_valid(value, part, schemas) for part in [*referred, *schema.get("allOf", ())])
        and all(any(is_valid(value, part, schemas) for part in schema.get(word, [True])) for word in ("anyOf", "oneOf"))
        and any(same(value, known) for known in schema.get("enum", [value]))
        and same(value, schema.get("const", value))
        and (not kinds or any(is_kind(value, kind) for kind in kinds))
        and keeps_limits(value, schema)
        and has_shape(value, schema, schemas)
    )


def same(one: Json, other: Json) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_kind(value: Json, kind: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in {"integer", "number"}:
        return number and (kind == "number" or float(value).is_integer())
    names = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
    return isinstance(value, names[kind])


def keeps_limits(value: Json, schema: Mapping[str, Json]) -> bool:
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 999)
        return fits and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        return bool(schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 999))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and not value <= schema.get("exclusiveMinimum", value - 1)
        and not value >= schema.get("exclusiveMaximum", value + 1)
    )


def has_shape(value: Json, schema: Mapping[str, Json], schemas: Mapping[str, Json]) -> bool:
    if isinstance(value, list):
        return all(is_valid(inner, schema.get("items", True), schemas) for inner in value)
    if not isinstance(value, dict):
        return True
    if not set(schema.get("required", ())) <= set(value):
        return False
    known = schema.get("properties", {})
    further = schema.get("additionalProperties", True)
    return all(is_valid(inner, known.get(name, further), schemas) for name, inner in value.items())


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 5), st.sampled_from([0.5, 2.5]), st.sampled_from(["", "a", "bb", "abcde"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=5
)


def copied(value: Json) -> Json:
    return json.loads(json.dumps(value))
