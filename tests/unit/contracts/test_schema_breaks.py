"""Which schemas of requests and responses break a consumer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.contracts.documents import COUNT, TEXT, call, fields, found


def request_finding(sent: Any, accepted: Any) -> tuple[str, str] | None:
    everything = found(call(fields("*", at=sent)), call(fields(at=accepted)))
    assert len(everything) <= 1
    return everything[0][1:] if everything else None


def response_finding(read: Any, offered: Any) -> tuple[str, str] | None:
    everything = found(call(response=fields("*", at=read)), call(response=fields("*", at=offered)))
    assert len(everything) <= 1
    return everything[0][1:] if everything else None


@pytest.mark.parametrize(
    ("sent", "accepted"),
    [
        (TEXT, TEXT),
        (COUNT, {"type": "number"}),
        (TEXT, {"anyOf": [TEXT, {"type": "null"}]}),
        (TEXT, {"anyOf": [COUNT, TEXT]}),
        (TEXT, {"oneOf": [COUNT, TEXT], "discriminator": {"propertyName": "type"}}),
        (TEXT, {"allOf": [TEXT], "description": "one schema with notes of its own", "x-note": 1}),
        ({"type": "array", "uniqueItems": True}, {"type": "array", "uniqueItems": True}),
        (TEXT, {}),
        (TEXT, True),
        ({"const": 5}, {"type": "integer", "minimum": 1, "maximum": 50.0}),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0}),
        ({"type": "string", "maxLength": 10}, {"type": "string", "maxLength": 20}),
        ({"enum": ["a", "b"]}, {"type": "string", "minLength": 1, "pattern": "^[ab]$"}),
        ({"enum": ["a", "b"]}, {"anyOf": [{"const": "a"}, {"const": "b"}]}),
        (fields("*", a=TEXT), {"type": "object", "additionalProperties": TEXT}),
        (fields("*", a=TEXT), {"type": "object", "additionalProperties": True}),
        ({"type": "object", "additionalProperties": COUNT}, {"type": "object", "additionalProperties": {}}),
        ({"type": "array", "items": COUNT, "maxItems": 2}, {"type": "array", "items": {"type": "number"}}),
        ({"type": "string", "pattern": "^a$"}, {"type": "string", "pattern": "^a$"}),
        ({"type": "string", "format": "uuid"}, TEXT),
    ],
)
def test_what_a_request_may_send(sent: Any, accepted: Any) -> None:
    assert request_finding(sent, accepted) is None


@pytest.mark.parametrize(
    ("sent", "accepted", "finding"),
    [
        (TEXT, COUNT, (".at", "is sent as string, accepted is integer")),
        ({"type": "number"}, COUNT, (".at", "is sent as number, accepted is integer")),
        ({}, TEXT, (".at", "is sent as anything, accepted is string")),
        ({"anyOf": [TEXT, {"type": "null"}]}, TEXT, (".at", "is sent as null, accepted is string")),
        ({"type": "boolean"}, {"enum": [True, False]}, (".at", "is sent as boolean, accepted is true or false")),
        ({"enum": ["a", "b"]}, {"enum": ["a", "c"]}, (".at", 'is sent as "b", accepted is "a" or "c"')),
        (TEXT, {"enum": ["a"]}, (".at", 'is sent as string, accepted is "a"')),
        ({"const": 5}, {"const": 6}, (".at", "is sent as 5, accepted is 6")),
        ({"const": 1}, {"const": True}, (".at", "is sent as 1, accepted is true")),
        (
            {"const": 60},
            {"type": "integer", "maximum": 50},
            (".at", "is sent as 60 with maximum 60, accepted is integer with maximum 50"),
        ),
        (
            COUNT,
            {"type": "integer", "minimum": 1},
            (".at", "is sent as integer without minimum, accepted is integer with minimum 1"),
        ),
        (
            {"type": "integer", "minimum": 0},
            {"type": "integer", "exclusiveMinimum": 0},
            (".at", "is sent as integer with minimum 0, accepted is integer with minimum 1"),
        ),
        (
            {"type": "number", "minimum": 0},
            {"type": "number", "exclusiveMinimum": 0},
            (".at", "is sent as number with minimum 0, accepted is number with minimum 0 (excluded)"),
        ),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": COUNT},
            (".at.*", "is sent as string, accepted is integer"),
        ),
        (
            {"type": "object", "additionalProperties": TEXT},
            {**fields(b=COUNT), "additionalProperties": TEXT},
            (".at.*", "is sent as string, accepted is integer"),
        ),
        (
            {"type": "string", "maxLength": 20},
            {"type": "string", "maxLength": 10},
            (".at", "is sent as string with maxLength 20, accepted is string with maxLength 10"),
        ),
        (
            TEXT,
            {"type": "string", "format": "uuid"},
            (".at", 'is sent as string without format, accepted is format "uuid"'),
        ),
        (
            {"const": "b"},
            {"type": "string", "pattern": "^a"},
            (".at", 'is sent as "b" without pattern, accepted is pattern "^a"'),
        ),
        (fields("*", a=TEXT), fields(b=TEXT), (".at.a", "is sent, but not known there")),
        (
            fields("*", a=TEXT),
            {**fields(b=TEXT), "additionalProperties": False},
            (".at.a", "is sent, but not known there"),
        ),
        (fields("*", a=TEXT), fields("b", a=TEXT, b=TEXT), (".at.b", "is required there, but not sent")),
        (fields("", a=TEXT), fields("a", a=TEXT), (".at.a", "is required there, but not always sent")),
        (
            fields("*", a=TEXT),
            {"type": "object", "additionalProperties": COUNT},
            (".at.a", "is sent as string, accepted is integer"),
        ),
        (
            {"type": "object", "additionalProperties": COUNT},
            fields(),
            (".at.*", "any further field is sent, but none is accepted"),
        ),
        (
            {"type": "array", "items": TEXT},
            {"type": "array", "items": TEXT, "maxItems": 4},
            (".at", "is sent as array without maxItems, accepted is array with maxItems 4"),
        ),
        (
            {"type": "array", "items": fields("*", a=TEXT)},
            {"type": "array", "items": fields(a=COUNT)},
            (".at[].a", "is sent as string, accepted is integer"),
        ),
    ],
)
def test_what_a_request_may_not_send(sent: Any, accepted: Any, finding: tuple[str, str]) -> None:
    assert request_finding(sent, accepted) == (f"request {finding[0]}", finding[1])


@pytest.mark.parametrize(
    ("read", "offered", "finding"),
    [
        (TEXT, TEXT, None),
        ({"type": "number"}, COUNT, None),
        ({}, COUNT, None),
        (fields("a", a=TEXT), fields("*", a=TEXT, b=COUNT), None),
        (fields("", a=TEXT), fields(b=COUNT), None),
        ({"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": TEXT}, None),
        ({"enum": ["a", "b", "c"]}, {"enum": ["a"]}, None),
        (COUNT, {"type": "number"}, (".at", "is offered as number, needed is integer")),
        (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, (".at", "is offered as null, needed is string")),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, (".at", 'is offered as "b", needed is "a"')),
        (fields("a", a=TEXT), fields("", a=TEXT), (".at.a", "is not always there")),
        (fields("a", a=TEXT), fields("*", b=TEXT), (".at.a", "is not offered")),
        (fields("", a=TEXT), fields("", a=COUNT), (".at.a", "is offered as integer, needed is string")),
        (
            fields("", a=TEXT),
            {"type": "object", "additionalProperties": COUNT},
            (".at.a", "is offered as integer, needed is string"),
        ),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": COUNT},
            (".at.*", "is offered as integer, needed is string"),
        ),
        (
            {"type": "array", "minItems": 1},
            {"type": "array"},
            (".at", "is offered as array without minItems, needed is array with minItems 1"),
        ),
    ],
)
def test_what_a_response_must_have(read: Any, offered: Any, finding: tuple[str, str] | None) -> None:
    assert response_finding(read, offered) == (finding and (f"response 200 {finding[0]}", finding[1]))
