from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.load.request import Endpoint, Request, encode

HERE = Endpoint("127.0.0.1", 8010)


@given(st.binary(max_size=50), st.text(st.characters(codec="latin-1", categories=["L", "N"]), max_size=20))
def test_a_request_is_well_formed_and_keeps_its_connection(body: bytes, value: str) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(encode(HERE, "POST", "/v1/things", {"X-Value": value}, body))
    head = server.next_event()
    assert isinstance(head, h11.Request)
    assert dict(head.headers) == {
        b"host": b"127.0.0.1:8010",
        b"x-value": value.encode("latin-1"),
        b"content-length": str(len(body)).encode(),
    }
    received = b""
    while isinstance(event := server.next_event(), h11.Data):
        received += bytes(event.data)
    assert received == body
    assert isinstance(event, h11.EndOfMessage)
    assert server.our_state is h11.SEND_RESPONSE


def test_a_get_has_no_body() -> None:
    assert encode(HERE, "GET", "/") == b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert Endpoint("::1", 80).authority == "[::1]:80"


@pytest.mark.parametrize(("path", "value"), [("/", "a\r\nX-More: b"), ("/\n", "a"), ("/ HTTP/1.0", "a"), ("/", "\n")])
def test_nothing_can_be_smuggled_into_a_request(path: str, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        encode(HERE, "GET", path, {"X-Value": value})


def test_credentials_are_not_shown() -> None:
    assert "Bearer" not in repr(Request(encode(HERE, "GET", "/", {"Authorization": "Bearer secret"})))
