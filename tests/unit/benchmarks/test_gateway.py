from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from benchmarks.chat import ai_engine, judge_answer
from benchmarks.fast_upstream import MODEL, STREAMED, TOKENS, FastUpstream
from benchmarks.gateway import LAST_WORD, Chat, Gateway, on_core, saturated

from optimus_ops.load.client import Client
from optimus_ops.load.connection import Response
from optimus_ops.load.result import ErrorKind


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """The provider itself, in this process."""
    server = await asyncio.get_running_loop().create_server(FastUpstream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Gateway("provider", ai_engine("127.0.0.1", port), "key", MODEL, os.getpid())
    server.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_right_when_it_is_whole(gateway: Gateway, stream: bool) -> None:
    chat, client = Chat.of(gateway, stream=stream), Client(gateway.endpoint)
    for number in range(2):
        result = await client.send(chat.request(0, number), chat.judge)
        assert (result.error, result.size > 10 * TOKENS) == (None, True)
    client.close()


def test_an_answer_that_is_cut_is_wrong() -> None:
    cut = Response(status=200, body=bytearray(b"".join(STREAMED[:-1])))
    assert judge_answer(cut, LAST_WORD, stream=True) is ErrorKind.TRUNCATED
    assert judge_answer(Response(status=200), LAST_WORD, stream=False) is ErrorKind.WRONG


async def test_answers_are_counted_by_the_processor_time_of_the_gateway(gateway: Gateway) -> None:
    run = await saturated(gateway, 4, 0.0, 0.3, stream=False)
    assert run.answers > 0
    assert run.processor > 0
    assert run.per_core == run.answers / run.processor


def test_a_process_stays_on_a_core_for_the_block_alone() -> None:
    before = os.sched_getaffinity(0)
    with on_core(-1):
        assert os.sched_getaffinity(0) == {max(before)}
    assert os.sched_getaffinity(0) == before
