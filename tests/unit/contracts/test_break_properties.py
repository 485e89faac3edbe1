"""What holds for any documents: an offer meets itself, what is taken away is missed, what is added breaks nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.unit.contracts.documents import (
    CLOSED_BODIES,
    NO_OTHERS,
    SCHEMAS,
    SHARED,
    VALUES,
    call,
    copied,
    document,
    fields,
    is_valid,
    objects,
    offers,
)

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import parse_contract
from optimus_ops.errors import Refused

# Few schemas fit others that are drawn beside them.
RARE = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
BODY = {"type": "object"}
KEYWORDS = st.sampled_from(
    [
        *("type", "properties", "required", "items", "anyOf", "allOf", "$ref", "enum", "const", "minimum", "maxLength"),
        *("additionalProperties", "prefixItems", "nullable", "pattern", "multipleOf", "exclusiveMaximum"),
    ]
)
BROKEN_SCHEMAS = st.recursive(
    JSON | SCHEMAS, lambda inner: st.dictionaries(KEYWORDS, inner | st.lists(inner, max_size=2), max_size=4)
)


def shared(made: dict[str, Any]) -> dict[str, Any]:
    made["components"]["schemas"]["Shared"] = SHARED
    return made


@given(offers())
def test_an_offer_meets_the_need_that_is_made_of_it(offer: Any) -> None:
    assert breaks("shop", copied(offer), "stock", offer) == ()


@given(objects(SCHEMAS, st.none() | st.booleans(), fewest=1), st.data())
def test_a_needed_response_field_that_is_taken_away_is_named(body: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(body["properties"])))
    need = copied({**body, "required": sorted(body["properties"])})
    offer = copied(need)
    del offer["properties"][name]
    offer["required"].remove(name)
    found = breaks("shop", shared(call(response=need)), "stock", shared(call(response=offer)))
    assert [one.field for one in found] == [f"response 200 .{name}"]


@given(objects(SCHEMAS, NO_OTHERS, fewest=1), st.data())
def test_a_sent_request_field_that_is_taken_away_is_named(body: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(body["properties"])))
    offer = copied(body)
    del offer["properties"][name]
    offer["required"] = [other for other in offer["required"] if other != name]
    found = breaks("shop", shared(call(request=body)), "stock", shared(call(request=offer)))
    assert [one.field for one in found] == [f"request .{name}"]


@given(CLOSED_BODIES, CLOSED_BODIES, SCHEMAS)
def test_what_is_added_breaks_nothing(request: Any, response: Any, added: Any) -> None:
    offer = shared(call(copied(request), copied(response)))
    operation = offer["paths"]["/ask"]["post"]
    for body in (operation["requestBody"], operation["responses"]["200"]):
        body["content"]["application/json"]["schema"]["properties"]["added"] = added
    operation["responses"]["200"]["content"]["application/json"]["schema"]["required"].append("added")
    operation["responses"]["418"] = {"description": ""}
    operation["parameters"] = [{"name": "added", "in": "query", "schema": added}]
    offer["paths"]["/more"] = {"get": {"responses": {}}}
    assert breaks("shop", shared(call(request, response)), "stock", offer) == ()


@given(CLOSED_BODIES, SCHEMAS)
def test_a_request_field_that_becomes_required_is_named(body: Any, added: Any) -> None:
    offer = copied(body)
    offer["properties"]["added"] = added
    offer["required"].append("added")
    found = breaks("shop", shared(call(request=body)), "stock", shared(call(request=offer)))
    assert [one.field for one in found] == ["request .added"]


@RARE
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=30))
@example({"enum": [1, True]}, {"type": "boolean"}, [1])
@example({"type": "integer", "exclusiveMinimum": 0}, {"type": "number", "minimum": 1}, [1])
@example(
    {"allOf": [{"type": "object", "properties": {}}]},
    {"type": "object", "properties": {}, "additionalProperties": False},
    [{"id": None}],
)
def test_what_fits_accepts_every_value_that_is_sent(given_schema: Any, taken: Any, values: list[Any]) -> None:
    schemas = {"Shared": SHARED}
    need = shared(call(request=fields("*", at=given_schema)))
    offer = shared(call(request=fields("*", at=taken)))
    assume(breaks("shop", need, "stock", offer) == ())
    # A consumer sends the fields that it lists, and no others.
    sent = [value for value in values if is_valid(value, closed(given_schema), {"Shared": closed(SHARED)})]
    assert [value for value in sent if not is_valid(value, taken, schemas)] == []


def closed(schema: Any, *, whole: bool = True) -> Any:
    """Return a schema whose objects have the fields that they list, unless they say that there are others.

    Args:
        schema: any.
        whole: whether it says all of its values; else it is a part of an `allOf`, and the others may list more.
    """
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {
        word: closed(inner) for word, inner in schema.items() if word not in {"properties", "enum", "const", "allOf"}
    }
    shut |= {word: schema[word] for word in ("enum", "const") if word in schema}
    if "properties" in schema:
        shut["properties"] = {name: closed(inner) for name, inner in schema["properties"].items()}
    if "allOf" in schema:
        shut["allOf"] = [closed(part, whole=False) for part in schema["allOf"]]
    names = listed(schema)
    if whole and names is not None:
        no_others = {"properties": dict.fromkeys(names, True), "additionalProperties": False}
        shut["allOf"] = [*shut.get("allOf", ()), no_others]
    return shut


def listed(schema: Any) -> set[str] | None:
    """Return the fields that an object and its parts list; None if it lists none, or says that there are others."""
    if not isinstance(schema, dict) or schema.get("additionalProperties", False) is not False:
        return None
    own = set(schema["properties"]) if "properties" in schema else None
    parts = [SHARED] if "$ref" in schema else []
    found = [names for part in (*parts, *schema.get("allOf", ())) if (names := listed(part)) is not None]
    return set().union(*found, own or ()) if found or own is not None else None


def refusal(compare: Callable[[], object]) -> str:
    """Return why a comparison is refused; empty if it is not."""
    try:
        compare()
    except Refused as refused:
        return refused.message
    return ""


@given(BROKEN_SCHEMAS, BROKEN_SCHEMAS)
def test_any_schema_is_compared_or_refused(one: Any, other: Any) -> None:
    need, offer = shared(copied(call(one, other))), shared(copied(call(other, one)))
    said = refusal(lambda: breaks("shop", need, "stock", offer))
    assert not said or "malformed" in said or "can't compare" in said


@given(JSON | st.fixed_dictionaries({"openapi": st.just("3.1.0"), "paths": JSON}), JSON)
def test_any_document_is_read_or_refused(offer: Any, needs: Any) -> None:
    said = refusal(lambda: parse_contract(json.dumps(offer).encode(), json.dumps(needs).encode(), "image x"))
    assert not said or "image x" in said


@given(JSON)
def test_any_endpoint_is_compared_or_refused(operation: Any) -> None:
    offer = document({"/ask": {"post": operation}})
    said = refusal(lambda: breaks("shop", call(BODY, BODY), "stock", offer))
    assert not said or "malformed" in said or "can't compare" in said
