"""Lean connections send the same bytes as those of redis-py, and wait as long."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import DataError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tests.support.http_peer import peer, silent

from optimus_kit.redis.lean_connection import lean

WORDS = st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.binary().map(bytearray))
PLAIN, PACKED = Connection(), lean(Connection)()
NAMES = st.sampled_from(["GET", "SCRIPT LOAD", b"EVALSHA", b"CONFIG GET"])


@given(NAMES, st.lists(WORDS, max_size=6))
def test_a_command_has_the_same_bytes(name: Any, words: list[Any]) -> None:
    try:
        wanted = b"".join(PLAIN.pack_command(name, *words))
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            PACKED.pack_command(name, *words)
    else:
        assert b"".join(PACKED.pack_command(name, *words)) == wanted


@pytest.mark.parametrize("word", [True, None, object()])
def test_what_has_no_form_is_refused(word: Any) -> None:
    with pytest.raises(DataError):
        PACKED.pack_command("SET", "key", word)


@pytest.mark.parametrize("kind", [Connection, lean(Connection)])
async def test_a_server_that_is_silent_for_too_long_is_a_time_out_of_redis_and_loses_the_connection(kind: Any) -> None:
    async with peer(silent) as server:
        connection = kind(host="localhost", port=server.port, socket_timeout=0.05)
        connection._reader, connection._writer = await asyncio.open_connection("localhost", server.port)
        connection._parser.on_connect(connection)
        for cancelled in (False, True):
            reading = asyncio.create_task(connection.read_response())
            await asyncio.sleep(0)
            if cancelled:
                reading.cancel()
            with pytest.raises(asyncio.CancelledError if cancelled else RedisTimeoutError):
                await reading
            assert not connection.is_connected
            connection._reader, connection._writer = await asyncio.open_connection("localhost", server.port)
            connection._parser.on_connect(connection)
        await connection.disconnect()
