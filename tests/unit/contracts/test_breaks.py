"""Which changes of a provider's endpoints break a consumer, and where the comparison says so."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.contracts.documents import COUNT, TEXT, call, document, fields, found
from tests.unit.repository import CHECKOUT

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.openapi_export import services_with_contracts
from optimus_ops.contracts.reading import contract_of_checkout
from optimus_ops.errors import Refused


def test_a_break_names_consumer_provider_endpoint_and_field() -> None:
    need = call(response=fields("*", results={"type": "array", "items": fields("*", score={"type": "number"})}))
    offer = call(response=fields("*", results={"type": "array", "items": fields("*", text=TEXT)}))
    (one,) = breaks("shop", need, "stock", offer)
    assert (one.consumer, one.provider) == ("shop", "stock")
    assert (one.endpoint, one.field) == ("POST /ask", "response 200 .results[].score")
    assert str(one) == "shop uses stock: POST /ask, response 200 .results[].score is not offered"


def test_an_endpoint_that_is_gone() -> None:
    assert found(call(), document({})) == [("POST /ask", "", "is not offered")]
    assert found(call(), document({"/ask": {"get": {}}})) == [("POST /ask", "", "is not offered")]


def test_names_of_path_parameters_do_not_matter() -> None:
    def one(name: str, schema: Any) -> Any:
        parameter = {"name": name, "in": "path", "required": True, "schema": schema}
        return document({f"/things/{{{name}}}": {"get": {"parameters": [parameter], "responses": {}}}})

    assert found(one("id", TEXT), one("thing_id", TEXT)) == []
    assert found(one("id", TEXT), one("thing_id", COUNT)) == [
        ("GET /things/{id}", "request path id", "is sent as string, accepted is integer")
    ]


def test_statuses_are_needed_by_number() -> None:
    need = document({"/ask": {"post": {"responses": {"200": {"description": ""}}}}})
    for status, fits in (("200", True), ("2XX", False), ("default", False), ("201", False)):
        offer = document({"/ask": {"post": {"responses": {status: {"description": ""}}}}})
        assert found(need, offer) == ([] if fits else [("POST /ask", "response 200", "is not offered")])


def test_bodies_of_another_media_type() -> None:
    need, offer = call(fields(), fields()), call(fields(), fields())
    operation = offer["paths"]["/ask"]["post"]
    operation["requestBody"]["content"] = {"text/plain": {}}
    operation["responses"]["200"]["content"] = {"text/event-stream": {}}
    assert found(need, offer) == [
        ("POST /ask", "request body", "is sent as application/json, accepted is text/plain"),
        ("POST /ask", "response 200 body", "is offered as text/event-stream, needed is application/json"),
    ]


def test_a_body_that_is_wanted_or_unwanted() -> None:
    assert found(call(), call(fields())) == [("POST /ask", "request body", "is required there, but not sent")]
    assert found(call(fields()), call()) == [
        ("POST /ask", "request body", "is sent as application/json, accepted is none")
    ]


def parameters(*said: tuple[str, str, bool]) -> Any:
    listed = [{"name": name, "in": place, "required": needed, "schema": TEXT} for name, place, needed in said]
    return call(parameters=listed)


def test_parameters_beside_the_body() -> None:
    sent = parameters(("X-Session-Id", "header", True), ("page", "query", False))
    assert found(sent, parameters(("x-session-id", "header", True), ("page", "query", False))) == []
    assert found(sent, parameters(("page", "query", False))) == [
        ("POST /ask", "request header X-Session-Id", "is sent, but not known there")
    ]
    assert found(sent, parameters(("X-Session-Id", "header", True), ("page", "query", True))) == [
        ("POST /ask", "request query page", "is required there, but not always sent")
    ]
    assert found(call(), parameters(("X-Session-Id", "header", True))) == [
        ("POST /ask", "request header X-Session-Id", "is required there, but not sent")
    ]


def test_headers_of_a_response() -> None:
    def one(**header: Any) -> Any:
        said = {"description": "", "headers": {"Retry-After": header}}
        return document({"/ask": {"post": {"responses": {"429": said}}}})

    bare = document({"/ask": {"post": {"responses": {"429": {"description": ""}}}}})
    assert found(one(schema=TEXT), bare) == []
    assert [field for _, field, _ in found(one(required=True, schema=TEXT), bare)] == [
        "response 429 header Retry-After"
    ]
    assert [reason for *_, reason in found(one(required=True), one())] == ["is not always there"]
    assert [reason for *_, reason in found(one(schema=TEXT), one(schema=COUNT))] == [
        "is offered as integer, needed is string"
    ]


def secured(*ways: dict[str, list[str]]) -> Any:
    made = call(security=list(ways))
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}, "key": {"type": "apiKey", "in": "header", "name": "K"}}
    made["components"]["securitySchemes"] = {**schemes, "same": {"type": "http", "scheme": "Bearer"}}
    return made


def test_who_calls_is_said_in_a_way_that_is_accepted() -> None:
    assert found(secured({"same": []}), secured({"bearer": []})) == []
    assert found(secured({"bearer": []}), secured({"key": []}, {"bearer": []})) == []
    assert found(secured({"bearer": []}), secured()) == []
    assert found(call(), secured({}, {"bearer": []})) == []
    assert found(call(), secured({"bearer": []})) == [
        ("POST /ask", "request security", "is nothing, required is http bearer")
    ]
    assert found(secured({"bearer": []}), secured({"key": [], "bearer": []})) == [
        ("POST /ask", "request security", "is http bearer, required is apiKey header k and http bearer".lower())
    ]


def test_references_of_schemas_are_followed() -> None:
    need = call(fields("*", a=TEXT), fields("*", b=TEXT))
    offer = call({"$ref": "#/components/schemas/In"}, {"$ref": "#/components/schemas/Out"})
    both = {"In": fields(a=TEXT), "Out": {"allOf": [{"$ref": "#/components/schemas/Both"}]}}
    offer["components"]["schemas"] = {**both, "Both": fields("b", a=TEXT, b=TEXT)}
    assert found(need, offer) == []
    offer["components"]["schemas"]["Out"] = fields("*", b=COUNT)
    assert [field for _, field, _ in found(need, offer)] == ["response 200 .b"]


def endpoint(**content: Any) -> Any:
    return document({"/ask": {"post": {"responses": {}, **content}}})


@pytest.mark.parametrize(
    ("offer", "keyword"),
    [
        ({**call(), "security": [{"bearer": []}]}, "security of the whole document"),
        (document({"/ask": {"$ref": "#/components/pathItems/ask"}}), "$ref of path /ask"),
        (document({"/ask": {"parameters": [], "post": {}}}), "parameters of path /ask"),
        (endpoint(requestBody={"$ref": "#/components/requestBodies/in"}), "$ref of requestBody at POST /ask"),
        (endpoint(responses={"200": {"$ref": "#/components/responses/out"}}), "$ref of response 200 at POST /ask"),
        (endpoint(parameters=[{"$ref": "#/components/parameters/page"}]), "$ref of a parameter at POST /ask"),
        (endpoint(parameters=[{"name": "page", "content": {}}]), "content of a parameter at POST /ask"),
    ],
)
def test_what_the_services_never_write_is_refused_by_name_and_place(offer: Any, keyword: str) -> None:
    with pytest.raises(Refused) as refused:
        breaks("shop", call(TEXT), "stock", offer)
    assert refused.value.message == f"the offer of stock has {keyword}, which contracts can't compare"


def test_a_recursive_schema_is_compared_once() -> None:
    def tree(leaf: Any) -> Any:
        made = call(response={"$ref": "#/components/schemas/Tree"})
        children = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
        made["components"]["schemas"]["Tree"] = fields("*", leaf=leaf, children=children)
        return made

    assert found(tree(TEXT), tree(TEXT)) == []
    assert [field for _, field, _ in found(tree(TEXT), tree(COUNT))] == ["response 200 .leaf"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#/components/schemas/Gone"}, "leads nowhere"),
        ({"$ref": "other.json"}, "points out of the document"),
        ({"$ref": 5}, "points out of the document"),
        ({"$ref": "#/paths/~1ask/post/responses/200/content/application~1json/schema"}, "in a circle"),
        ({"type": "text"}, "'text' is no type"),
        ({"type": "object", "properties": []}, "properties must be an object"),
        ({"type": "object", "required": "a"}, "required must be a list"),
        ({"type": "integer", "minimum": "1e999999999"}, "minimum must be a number"),
        ({"type": "string", "pattern": 5}, "pattern must be a text"),
        ("text", "a schema must be an object"),
        ({"anyOf": []}, "anyOf must not be empty"),
        ({"anyOf": [{"type": "string", "minLength": n} for n in range(300)]}, "more than 256 forms"),
        ({"type": "number", "exclusiveMinimum": True}, "exclusiveMinimum must be a number"),
    ],
)
def test_a_malformed_offer_is_refused_with_its_reason(schema: Any, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        breaks("shop", call(response=TEXT), "stock", call(response=schema))
    assert "the offer of stock" in refused.value.message


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "integer", "not": {"const": 3}}, "not"),
        ({"type": "integer", "multipleOf": 2}, "multipleOf"),
        ({"type": "array", "prefixItems": [COUNT]}, "prefixItems"),
        ({"type": "object", "patternProperties": {"^a": TEXT}}, "patternProperties"),
        ({"$dynamicRef": "#node"}, "$dynamicRef"),
        ({"type": "string", "nullable": True}, "nullable"),
        ({"type": ["string", "null"]}, "a list of types"),
        ({"minLength": 1}, "minLength without type"),
        ({"const": "a", "enum": ["a"]}, "const beside enum"),
        ({"const": {"a": 1}}, "a value that is an object or a list"),
        ({"enum": ["a", ["b"]]}, "a value that is an object or a list"),
        ({"allOf": [fields(a=TEXT), fields(b=TEXT)]}, "allOf of several schemas"),
        ({"type": "string", "anyOf": [TEXT]}, "type beside anyOf"),
        ({"oneOf": [TEXT], "anyOf": [TEXT]}, "oneOf beside anyOf"),
        ({"$ref": "#/components/schemas/Gone", "maxLength": 3}, "maxLength beside $ref"),
    ],
)
def test_a_keyword_that_is_not_compared_is_refused_by_name_and_place(schema: Any, keyword: str) -> None:
    with pytest.raises(Refused) as refused:
        breaks("shop", call(fields("*", at=schema)), "stock", call(fields(at=TEXT)))
    assert refused.value.message == (
        f"what shop needs of stock has {keyword} at POST /ask, request .at, which contracts can't compare"
    )
    with pytest.raises(Refused) as refused:
        breaks("shop", call(response=fields(at=TEXT)), "stock", call(response=fields(at=schema)))
    assert f"the offer of stock has {keyword} at POST /ask, response .at" in refused.value.message


def test_a_keyword_where_nobody_looks_is_no_reason_to_refuse() -> None:
    offer = call(response=fields("*", a=TEXT, b={"not": TEXT}))
    assert found(call(response=fields("*", a=TEXT)), offer) == []


def test_keywords_of_the_services_are_all_compared() -> None:
    for service in services_with_contracts(CHECKOUT):
        contract = contract_of_checkout(CHECKOUT / "services" / service)
        assert contract is not None
        assert breaks("itself", contract.provides, service, contract.provides) == ()
