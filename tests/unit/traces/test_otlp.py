"""The decoder: whatever comes, it gives spans or says that it can't."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests.unit.traces.spans import TRACE

from optimus_ops.traces.otlp import parse_protobuf
from optimus_ops.traces.otlp_json import parse_json, spans_of_document

VALUES = st.recursive(
    st.one_of(
        st.text(max_size=5).map(lambda text: {"stringValue": text}),
        st.integers(-(2**63), 2**63 - 1).map(lambda number: {"intValue": str(number)}),
        st.booleans().map(lambda flag: {"boolValue": flag}),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda number: {"doubleValue": number}),
        st.just({}),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: {"arrayValue": {"values": items}}),
    max_leaves=5,
)
SPANS = st.fixed_dictionaries(
    {
        "traceId": st.just(base64.b64encode(bytes.fromhex(TRACE)).decode()),
        "spanId": st.binary(min_size=8, max_size=8).map(lambda raw: base64.b64encode(raw).decode()),
        "name": st.text(max_size=8),
        "kind": st.integers(0, 9),
        "startTimeUnixNano": st.integers(0, 2**64 - 1).map(str),
        "endTimeUnixNano": st.integers(0, 2**64 - 1).map(str),
        "attributes": st.lists(st.fixed_dictionaries({"key": st.text(max_size=4), "value": VALUES}), max_size=3),
        "status": st.fixed_dictionaries({"code": st.integers(0, 4)}),
    }
)
DOCUMENTS = st.lists(SPANS, max_size=4).map(
    lambda spans: {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}]}]}
)


def message(document: dict[str, Any]) -> bytes:
    return bytes(ParseDict(document, TracesData()).SerializeToString())


@given(DOCUMENTS)
def test_protobuf_and_json_give_the_same_spans(document: dict[str, Any]) -> None:
    spans = parse_protobuf(message(document))
    assert spans == spans_of_document(document)
    assert len(spans) == len(document["resourceSpans"][0]["scopeSpans"][0]["spans"])
    data = TracesData()
    data.ParseFromString(message(document))
    assert spans_of_document(json.loads(json.dumps(MessageToDict(data)))) == spans


@given(DOCUMENTS, st.data())
def test_a_damaged_message_is_read_or_refused(document: dict[str, Any], data: st.DataObject) -> None:
    content = bytearray(message(document) or b"\x00")
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255))
    try:
        parse_protobuf(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except ValueError:
        return


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    for parse in (parse_protobuf, parse_json):
        try:
            parse(content)
        except ValueError:
            continue


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["trace", "resourceSpans", "batches", "scopeSpans", "spans", "traceId", "name", "resource"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(TREE)
def test_no_document_raises_anything_else(document: Any) -> None:
    try:
        spans_of_document(document)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("trace_id", "found"),
    [
        (base64.b64encode(bytes.fromhex(TRACE)).decode(), TRACE),
        (TRACE, TRACE),
        (TRACE.upper(), TRACE),
        (base64.b64encode(bytes(8) + b"12345678").decode(), "0" * 16 + b"12345678".hex()),
        (base64.b64encode(b"12345678").decode(), "0" * 16 + b"12345678".hex()),
        (base64.b64encode(bytes(16)).decode(), ""),
        ("", ""),
    ],
)
def test_ids_are_base64_or_hexadecimal(trace_id: str, found: str) -> None:
    document = {"batches": [{"scopeSpans": [{"spans": [{"traceId": trace_id}]}]}]}
    assert spans_of_document(document)[0].trace_id == found


def test_older_names_are_understood_and_unknown_fields_are_not_needed() -> None:
    span = {"traceID": "x", "traceId": TRACE, "name": "old", "new": {"field": 1}}
    document = {"resourceSpans": [{"instrumentationLibrarySpans": [{"instrumentationLibrary": {}, "spans": [span]}]}]}
    assert [found.name for found in spans_of_document(document)] == ["old"]


@pytest.mark.parametrize("number", ["9" * 400, str(2**64), str(-(2**63) - 1), 1e300, "soon"])
@pytest.mark.parametrize("field", ["startTimeUnixNano", "endTimeUnixNano"])
def test_numbers_that_otlp_has_no_room_for_are_refused(field: str, number: object) -> None:
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE, field: number}]}]}]}
    with pytest.raises(ValueError, match=r"number|invalid literal"):
        spans_of_document(document)


def test_values_nest() -> None:
    value = {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}, {}]}}}]}}
    span = {
        "traceId": TRACE,
        "attributes": [{"key": "k", "value": value}, {"key": "b", "value": {"bytesValue": "AA=="}}],
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert spans_of_document(document)[0].attributes == {"k": {"a": [1, None]}, "b": b"\x00"}


def test_values_that_nest_without_end_are_refused() -> None:
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(2000):
        value = {"arrayValue": {"values": [value]}}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "k", "value": value}]}]}]}]}
    with pytest.raises(ValueError, match="no OTLP"):
        spans_of_document(document)
