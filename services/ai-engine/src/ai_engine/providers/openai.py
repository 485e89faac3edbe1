"""Any OpenAI-compatible endpoint, with a pool of keys: the next key is tried until the first byte has come."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from ai_engine.providers.base import Ask, Model, Piece, Reply, Turn
from ai_engine.providers.pool import Key, KeyPool
from ai_engine.providers.upstream import (
    KeyFailure,
    bad_gateway,
    estimate,
    judge,
    no_key,
    parse_reply,
    pieces,
    timed_out,
)
from optimus_kit.errors import ApiError

MAX_ANSWER_BYTES = 16 << 20
TIMEOUT = httpx.Timeout(connect=5.0, read=120.0, write=30.0, pool=5.0)

Result = TypeVar("Result")

log = logging.getLogger("ai_engine.providers")


class KeyFailed(Exception):  # noqa: N818 - not an error of this service
    """Another key may fare better."""

    def __init__(self, failure: KeyFailure) -> None:
        super().__init__(failure.error.message)
        self.failure = failure


@dataclass
class Opened:
    """A stream whose first piece has come."""

    response: httpx.Response
    key: Key
    first: Piece
    rest: AsyncIterator[Piece]


class OpenAIProvider:
    """The provider; see the module.

    Args:
        name: in settings and logs.
        base_url: up to and with the version, such as https://api.openai.com/v1.
        models: names on offer here -> names upstream.
        pool: the keys.
        client: of httpx; closed with the provider.
    """

    def __init__(
        self, name: str, base_url: str, models: Mapping[str, str], pool: KeyPool, client: httpx.AsyncClient
    ) -> None:
        self.name = name
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._models = dict(models)
        self._pool = pool
        self._client = client

    def models(self) -> tuple[Model, ...]:
        """Return the models that the settings list."""
        return tuple(Model(model, self.name) for model in self._models)

    def serves(self, model: str) -> bool:
        """Tell whether the settings list the model."""
        return model in self._models

    def immediate(self, model: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Tell that an endpoint takes its time."""
        return False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def complete(self, ask: Ask) -> Reply:
        """Return the whole reply, from the first key that gets one."""

        async def attempt(key: Key) -> Reply:
            response = await self._send(ask, key, stream=False)
            try:
                reply = parse_reply(await _read(response), ask)
            finally:
                await response.aclose()
            self._pool.succeeded(key)
            return reply

        return await self._over_keys(attempt)

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield the reply as it comes; after its first piece nothing is tried again."""

        async def attempt(key: Key) -> Opened:
            return await self._open(ask, key)

        opened = await self._over_keys(attempt)
        try:
            yield Piece()
            async for piece in self._watch(ask, opened):
                yield piece
        finally:
            self._pool.abandoned(opened.key)
            await opened.response.aclose()

    async def _over_keys(self, attempt: Callable[[Key], Awaitable[Result]]) -> Result:
        tried: set[int] = set()
        last: ApiError | None = None
        while (key := self._pool.take(tried)) is not None:
            tried.add(key.index)
            try:
                return await attempt(key)
            except KeyFailed as failed:
                last = failed.failure.error
                self._pool.failed(key, failed.failure.pause)
                log.warning("provider %s, key %d: %s", self.name, key.index, last.message)
            except httpx.TimeoutException:
                last = timed_out()
                self._pool.failed(key)
                log.warning("provider %s, key %d: timed out", self.name, key.index)
            except httpx.HTTPError as error:
                last = bad_gateway("The provider cannot be reached.")
                self._pool.failed(key)
                log.warning("provider %s, key %d: %s", self.name, key.index, type(error).__name__)
            except BaseException:
                self._pool.abandoned(key)
                raise
        raise last or no_key(self._pool.wait())

    async def _send(self, ask: Ask, key: Key, *, stream: bool) -> httpx.Response:
        headers = {"X-Request-Id": ask.request_id} | ({"Authorization": f"Bearer {key.secret}"} if key.secret else {})
        payload = payload_of(ask, self._models[ask.model], stream=stream)
        request = self._client.build_request("POST", self._url, json=payload, headers=headers, timeout=TIMEOUT)
        response = await self._client.send(request, stream=True)
        if response.status_code // 100 == 2:
            return response
        try:
            verdict = judge(response.status_code, response.headers.get("retry-after"), await _read(response))
        finally:
            await response.aclose()
        if isinstance(verdict, ApiError):
            self._pool.succeeded(key)
            raise verdict
        raise KeyFailed(verdict)

    async def _open(self, ask: Ask, key: Key) -> Opened:
        response = await self._send(ask, key, stream=True)
        try:
            rest = pieces(response.aiter_lines())
            first = await anext(rest, Piece(finish_reason="stop"))
        except ApiError as error:
            await response.aclose()
            raise KeyFailed(KeyFailure(error)) from None
        except BaseException:
            await response.aclose()
            raise
        return Opened(response, key, first, rest)

    async def _watch(self, ask: Ask, opened: Opened) -> AsyncIterator[Piece]:
        text, told = [opened.first.text], opened.first.usage is not None
        yield opened.first
        try:
            async for piece in opened.rest:
                text.append(piece.text)
                told = told or piece.usage is not None
                yield piece
        except (httpx.HTTPError, ApiError) as error:
            self._pool.failed(opened.key)
            late = isinstance(error, httpx.TimeoutException)
            raise (timed_out() if late else bad_gateway("The provider broke off.")) from None
        self._pool.succeeded(opened.key)
        if not told:
            yield Piece(usage=estimate(ask, "".join(text)))


def payload_of(ask: Ask, model: str, *, stream: bool) -> dict[str, Any]:
    """Return the body of the request upstream."""
    payload: dict[str, Any] = {"model": model, "messages": [_message(turn) for turn in ask.turns], **ask.options}
    if ask.max_tokens is not None:
        payload["max_tokens"] = ask.max_tokens
    if stream:
        payload |= {"stream": True, "stream_options": {"include_usage": True}}
    return payload


def _message(turn: Turn) -> dict[str, str]:
    return {"role": turn.role, "content": turn.content} | ({"name": turn.name} if turn.name else {})


async def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise bad_gateway("The provider's answer is too large.")
        parts.append(chunk)
    return b"".join(parts)
