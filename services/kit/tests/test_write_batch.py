"""What is written within one step of the loop is sent together, in order, and never lost."""

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.write_batch import MOST_BYTES, BatchingTransport


class Sink:
    """A transport that keeps what is done to it."""

    def __init__(self) -> None:
        self.done: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.closing = True
        self.done.append("close")

    def abort(self) -> None:
        self.closing = True
        self.done.append("abort")

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0


def batching(sink: Sink) -> BatchingTransport:
    return BatchingTransport(cast("asyncio.Transport", sink))


async def test_writes_of_one_step_are_one() -> None:
    sink = Sink()
    transport = batching(sink)
    transport.write(b"head ")
    transport.write(b"body")
    assert (sink.done, transport.get_write_buffer_size()) == ([], 9)
    await asyncio.sleep(0)
    assert (sink.done, transport.get_write_buffer_size()) == ([b"head body"], 0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert sink.done == [b"head body", b"next"]


async def test_what_was_written_goes_before_the_end() -> None:
    for end, word in ((BatchingTransport.write_eof, "eof"), (BatchingTransport.close, "close")):
        sink = Sink()
        transport = batching(sink)
        transport.write(b"last")
        end(transport)
        await asyncio.sleep(0)
        assert sink.done == [b"last", word]


async def test_nothing_is_sent_on_a_connection_that_was_broken_off() -> None:
    sink = Sink()
    transport = batching(sink)
    transport.write(b"never")
    transport.abort()
    await asyncio.sleep(0)
    assert sink.done == ["abort"]


async def test_much_is_not_held_back() -> None:
    sink = Sink()
    transport = batching(sink)
    transport.write(b"x" * MOST_BYTES)
    assert len(sink.done) == 1
    transport.write(b"rest")
    await asyncio.sleep(0)
    assert sink.done[1:] == [b"rest"]


@given(st.lists(st.binary(max_size=9) | st.just(b"x" * MOST_BYTES) | st.none()))
async def test_bytes_come_in_order_whenever_the_loop_turns(writes: list[bytes | None]) -> None:
    sink = Sink()
    transport = batching(sink)
    for data in writes:
        if data is None:
            await asyncio.sleep(0)
        else:
            transport.write(data)
    transport.close()
    assert b"".join(entry for entry in sink.done if isinstance(entry, bytes)) == b"".join(filter(None, writes))
