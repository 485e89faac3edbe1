"""Chunked bodies, whose size nobody declares: 413 beyond the limit, whatever the application makes of it."""

from contextlib import suppress

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimus_kit.body_limit import BodyLimit
from optimus_kit.errors import ApiError

LIMIT = 10


async def read_all(receive: Receive) -> int:
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return size


async def answer(send: Send, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"taken"})


async def reads(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await read_all(receive)
    await answer(send)


async def goes_on_without_the_rest(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    with suppress(ApiError):
        await read_all(receive)
    await answer(send)


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await read_all(receive)
    raise ApiError(403, "No.")


async def answers_first(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await answer(send)
    await read_all(receive)


async def post(app: ASGIApp, *chunks: bytes, path: str = "/") -> list[int]:
    """Return the status of each answer to a chunked request."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[int] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"transfer-encoding", b"chunked")]}
    await BodyLimit(app, limit=LIMIT, limits={"/large": 2 * LIMIT})(scope, receive, send)
    return sent


@pytest.mark.parametrize("app", [reads, goes_on_without_the_rest, refuses])
async def test_a_body_that_passes_the_limit_gets_413_and_no_other_answer(app: ASGIApp) -> None:
    assert await post(app, b"x" * LIMIT, b"x") == [413]


async def test_a_body_of_the_limit_is_taken() -> None:
    assert await post(reads, b"x" * 4, b"x" * 6) == [200]


async def test_a_path_may_have_a_limit_of_its_own() -> None:
    assert await post(reads, b"x" * 2 * LIMIT, path="/large") == [200]
    assert await post(reads, b"x" * 2 * LIMIT, b"x", path="/large") == [413]


async def test_an_error_of_the_application_is_its_own() -> None:
    with pytest.raises(ApiError) as raised:
        await post(refuses, b"x")
    assert raised.value.status == 403


async def test_an_answer_that_has_begun_stays_the_answer() -> None:
    assert await post(answers_first, b"x" * LIMIT, b"x") == [200]
