"""The wire of standard input and output, on pipes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.guardrails.serve import wire as wires
from optimus_ops.guardrails.serve.messages import complaint
from optimus_ops.guardrails.serve.wire import MessageInput, MessageOutput, Wire

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


@dataclass
class Ends:
    """A wire, and the client's ends of it."""

    wire: Wire
    to_server: int
    from_server: int

    def lines(self) -> io.BufferedReader:
        return io.BufferedReader(MessageInput(self.wire))

    def say(self, data: bytes) -> threading.Thread:
        """Write without waiting, and close."""

        def write() -> None:
            with os.fdopen(self.to_server, "wb", closefd=True) as file:
                file.write(data)

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    def answers(self) -> list[dict[str, Any]]:
        os.set_blocking(self.from_server, False)
        try:
            return [json.loads(line) for line in os.read(self.from_server, 1 << 20).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def ends() -> Iterator[Ends]:
    source, to_server = os.pipe()
    from_server, sink = os.pipe()
    made = Ends(Wire(source, sink), to_server, from_server)
    yield made
    for descriptor in (source, sink, from_server, *made.wire.stopping):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_messages_pass_and_empty_lines_are_left_out(ends: Ends) -> None:
    ends.say(PING + b"\r\n\n" + PING).join()
    assert list(ends.lines()) == [PING, PING]
    assert ends.answers() == []


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"hello", -32700, None),
        (b"\xff\xfe\x00", -32700, None),
        (b'{"jsonrpc":"2.0","id":1', -32700, None),
        (b"[" * 100_000, -32700, None),
        (b"[]", -32600, None),
        (b'{"id": 7}', -32600, 7),
        (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', -32600, "a"),
        (b'{"jsonrpc":"2.0","id":{},"method":1}', -32600, None),
    ],
)
def test_what_is_no_message_is_answered_by_an_error_and_the_next_one_passes(
    ends: Ends, line: bytes, code: int, request_id: object
) -> None:
    thread = ends.say(line + b"\n" + PING)
    assert list(ends.lines()) == [PING]
    thread.join()
    (answer,) = ends.answers()
    assert (answer["error"]["code"], answer["id"]) == (code, request_id)


def test_a_line_that_is_too_long_is_dropped_without_being_kept(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "MOST_MESSAGE_BYTES", 1000)
    long = b'"' + b"x" * 300_000 + b'"\n'
    thread = ends.say(long + PING + long + long + PING)
    assert list(ends.lines()) == [PING, PING]
    thread.join()
    assert [answer["error"]["code"] for answer in ends.answers()] == [-32600] * 3


def test_a_message_without_its_end_is_no_message(ends: Ends) -> None:
    ends.say(PING + PING.rstrip()).join()
    assert list(ends.lines()) == [PING]


def test_stopping_ends_a_reader_that_waits(ends: Ends) -> None:
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.extend(ends.lines()))
    reader.start()
    ends.wire.stop()
    reader.join(30)
    assert not reader.is_alive()
    assert found == []
    os.close(ends.to_server)


def test_stopping_ends_a_writer_whose_client_takes_nothing(ends: Ends) -> None:
    errors: list[BaseException] = []

    def write() -> None:
        try:
            MessageOutput(ends.wire).write(b"x" * 10_000_000)
        except BrokenPipeError as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    ends.wire.stop()
    writer.join(30)
    assert not writer.is_alive()
    assert len(errors) == 1
    os.close(ends.to_server)


def test_a_client_that_is_gone_ends_the_reader_as_well(ends: Ends) -> None:
    os.close(ends.from_server)
    with pytest.raises(BrokenPipeError):
        MessageOutput(ends.wire).write(PING)
    assert list(ends.lines()) == []
    os.close(ends.to_server)


def test_no_more_is_read_of_a_client_that_takes_no_answers(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "MOST_AHEAD", 3)
    answer = b"x" * 200_000
    writer = threading.Thread(target=MessageOutput(ends.wire).write, args=(answer,))
    writer.start()
    while ends.wire.writable.is_set():
        time.sleep(0.001)
    ends.say(PING * 10).join()
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(ends.lines()))
    reader.start()
    while len(read) < 3:
        time.sleep(0.001)
    assert reader.is_alive()
    assert len(read) == 3
    taken = b""
    while len(taken) < len(answer):
        taken += os.read(ends.from_server, 65_536)
    writer.join()
    reader.join()
    assert len(read) == 10


JSON = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)


@given(st.binary(max_size=200) | JSON)
def test_whatever_a_line_holds_it_is_a_message_or_answered_by_one_line(line: bytes) -> None:
    told = complaint(line)
    if told is not None:
        assert told.endswith(b"\n")
        assert told.count(b"\n") == 1
        assert json.loads(told)["error"]["code"] in {-32700, -32600}
