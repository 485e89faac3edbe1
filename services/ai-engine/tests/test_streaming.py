"""Work that ends with its client, and requests' bodies."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from ai_engine.providers.first_done import first_done
from ai_engine.requests import receive_body
from ai_engine.streaming import ClientGone, while_connected
from optimus_kit.disconnect import ON_DISCONNECT
from optimus_kit.interruption import Deadline, Interruption


class Server:
    """Has the extension; its client leaves on demand."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []
        self.scope: dict[str, Any] = {"extensions": {ON_DISCONNECT: self.listen}}

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def receive(self) -> Any:
        raise AssertionError("it is told otherwise")

    def leave(self) -> None:
        for listener in self.listeners:
            listener()


class Work:
    """Waits for ever unless it has a result; tells whether it was ended."""

    ended = False

    async def __call__(self, result: str = "") -> str:
        try:
            await asyncio.sleep(0)
            if not result:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended = True
            raise
        return result


async def test_the_result_comes_and_nobody_listens_any_more() -> None:
    server = Server()
    assert await while_connected(server.scope, server.receive, Work()("yes"), Interruption()) == "yes"
    assert not server.listeners


async def test_work_ends_with_its_client_and_its_task_goes_on() -> None:
    server, work = Server(), Work()
    asyncio.get_running_loop().call_soon(server.leave)
    with pytest.raises(ClientGone):
        await while_connected(server.scope, server.receive, work(), Interruption())
    await asyncio.sleep(0)
    assert (work.ended, server.listeners) == (True, [])


async def test_work_of_a_client_that_has_left_before_begins_and_ends_in_order() -> None:
    work = Work()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        await while_connected({}, receive, work(), Interruption())
    assert work.ended


async def test_work_ends_at_the_deadline_with_the_error_that_it_makes() -> None:
    server, work = Server(), Work()
    deadline = Deadline(asyncio.get_running_loop().time() + 0.01, lambda: LookupError("late"))
    with pytest.raises(LookupError, match="late"):
        await while_connected(server.scope, server.receive, work(), deadline)
    assert work.ended


async def test_a_body_is_put_together_and_one_that_breaks_off_is_none() -> None:
    messages = [{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"c"}]

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    assert await receive_body(receive) == b"abc"
    messages.append({"type": "http.request", "body": b"ab", "more_body": True})
    with pytest.raises(ClientDisconnect):
        await receive_body(receive)


async def test_the_first_task_to_end_is_told_or_none_in_time() -> None:
    slow, fast = asyncio.create_task(Work()()), asyncio.create_task(Work()("yes"))
    assert await first_done({slow, fast}, 30) == [fast]
    assert await first_done([slow], 0.01) == []
    assert await first_done([fast, slow], 30) == [fast]
    slow.cancel()
    assert await first_done([slow], 30) == [slow]
