from __future__ import annotations

import json

import h11
import pytest
from benchmarks.http_wire import Address, Answer, BadAnswer, chat_request, parsed
from hypothesis import given
from hypothesis import strategies as st


def response(body: bytes, status: int = 200, name: str = "Content-Length") -> bytes:
    return f"HTTP/1.1 {status} Said\r\nServer: x\r\n{name}: {len(body)}\r\nX-Other: 1\r\n\r\n".encode() + body


@given(st.binary(max_size=200), st.sampled_from([200, 429, 503]), st.sampled_from(["content-length", "Content-Length"]))
def test_an_answer_is_there_once_all_of_it_was_received(body: bytes, status: int, name: str) -> None:
    whole = response(body, status, name)
    assert parsed(whole) == Answer(status, body)
    assert all(parsed(whole[:end]) is None for end in range(len(whole)))


def test_more_than_the_length_says_is_refused() -> None:
    with pytest.raises(BadAnswer, match="1 bytes more"):
        parsed(response(b"body") + b"!")


@pytest.mark.parametrize(
    "received", [b"SSH-2.0\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
)
def test_what_has_no_length_or_is_no_http_is_refused(received: bytes) -> None:
    with pytest.raises(BadAnswer, match="not an answer"):
        parsed(received)


@given(st.text(max_size=50))
def test_the_request_is_well_formed_and_keeps_its_connection(text: str) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(chat_request(Address("127.0.0.1", 8010), "key", text))
    head, data = server.next_event(), server.next_event()
    assert isinstance(head, h11.Request)
    assert isinstance(data, h11.Data)
    assert (b"authorization", b"Bearer key") in head.headers
    assert json.loads(bytes(data.data))["messages"][0]["content"] == text
    assert isinstance(server.next_event(), h11.EndOfMessage)
    assert server.our_state is h11.SEND_RESPONSE
