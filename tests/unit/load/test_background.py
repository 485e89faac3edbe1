from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from tests.unit.load.servers import server, whole

from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request, encode
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.workload import judge_status


class Get:
    """GETs of one path."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._request = Request(encode(endpoint, "GET", "/"))

    def request(self, client: int, number: int) -> Request:  # noqa: ARG002 - all alike
        return self._request

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        return judge_status(request, response)


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run])
async def test_load_runs_beside_other_work_and_ends_with_it(
    run_loop: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    enough = threading.Event()

    async with server(lambda _request: whole(b"answer")) as endpoint:

        async def run(record: Callable[[RequestResult], None], stopped: Callable[[], bool]) -> None:
            def record_and_tell(result: RequestResult) -> None:
                record(result)
                if len(load.results) >= 20:
                    enough.set()

            await run_closed_loop(endpoint, Get(endpoint), Pace(2), record_and_tell, stopped)

        load = BackgroundLoad(run, run_loop)

        def work() -> None:
            with load:
                assert enough.wait(30)

        await asyncio.to_thread(work)
    assert {result.outcome for result in load.results} == {"ok"}


def test_a_generator_that_fails_is_told() -> None:
    async def run(_record: object, _stopped: object) -> None:
        raise LookupError("no such word")

    with pytest.raises(RuntimeError, match="load generator failed: LookupError"), BackgroundLoad(run):
        pass
