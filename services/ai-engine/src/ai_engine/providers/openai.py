"""Any OpenAI-compatible endpoint, with a pool of keys: the next key is tried until the first byte has come."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ai_engine.providers.base import Ask, Model, Piece, Reply
from ai_engine.providers.exchange import after, authorization, payload_of, read, read_error
from ai_engine.providers.first_done import first_done
from ai_engine.providers.generation import Generation
from ai_engine.providers.pool import Key, KeyPool, KeyState
from ai_engine.providers.strict_json import write
from ai_engine.providers.upstream import estimate, parse_reply, pieces
from ai_engine.providers.verdicts import (
    AttemptFailed,
    Failure,
    bad_answer,
    failure_of,
    judge,
    no_key,
    timed_out,
)
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpClient, HttpError, HttpTimeout, PoolTimeout, StreamedAnswer, Timeouts
from optimus_kit.shares import Shares, overloaded

MOST_AT_ONCE = 3

Result = TypeVar("Result")

log = logging.getLogger("ai_engine.providers")


@dataclass(frozen=True)
class Patience:
    """How long is waited for what, in seconds.

    Args:
        connect: a connection.
        first_byte: the first byte of a stream, else the next key is tried. A whole answer has its first byte when it is
            complete, so that a slow one looks like a hung one: after this time another key is asked as well, and where
            there is none, whether the endpoint still answers at all.
        read: between two bytes, and for a whole answer.
    """

    connect: float = 5.0
    first_byte: float = 20.0
    read: float = 120.0

    @property
    def timeouts(self) -> Timeouts:
        """The limits of a request. The pool has a place for each one that the shares let through."""
        return Timeouts(self.connect, self.read)

    @property
    def timeouts_of_question(self) -> Timeouts:
        """The limits of asking whether an endpoint answers at all."""
        return Timeouts(self.connect, self.connect)


@dataclass
class Opened:
    """A stream whose first piece has come."""

    answer: StreamedAnswer
    key: Key
    first: Piece
    rest: AsyncIterator[Piece]
    generation: Generation


@dataclass(frozen=True)
class Asked:
    """A key that is being asked for a whole reply since a time of the loop's clock, and what gives its place back."""

    key: Key
    since: float
    give_back: Callable[[], None]


class OpenAIProvider:
    """The provider; see the module.

    Args:
        name: in settings and logs.
        base_url: up to and with the version, such as https://api.openai.com/v1.
        models: names on offer here -> names upstream.
        pool: the keys.
        client: with as many connections as `shares` has places; closed with the provider.
        shares: places for requests under way.
        patience: time-outs.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        models: Mapping[str, str],
        pool: KeyPool,
        client: HttpClient,
        *,
        shares: Shares,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._models_url = f"{base_url.rstrip('/')}/models"
        self._models = dict(models)
        self._offered = tuple(Model(model, name) for model in self._models)
        self._pool = pool
        self._client = client
        self._shares = shares
        self._patience = patience or Patience()

    def models(self) -> tuple[Model, ...]:
        """Return the models that the settings list."""
        return self._offered

    def serves(self, model: str) -> bool:
        """Tell whether the settings list the model."""
        return model in self._models

    def immediate(self, model: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Tell that an endpoint takes its time."""
        return False

    def key_states(self) -> tuple[KeyState, ...]:
        """Return how each key is."""
        return self._pool.states()

    def key_failures(self) -> Mapping[tuple[int, str], int]:
        """Return the failures so far, by key (from 1) and reason."""
        return self._pool.failures

    def places_used(self) -> int:
        """Return how many requests are under way."""
        return self._shares.used()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def complete(self, ask: Ask) -> Reply:
        """Return the whole reply, from the first key that gets one."""
        running: dict[asyncio.Task[Reply], Asked] = {}
        tried: set[int] = set()
        try:
            last = await self._start(ask, tried, running)
            while running:
                done = await first_done(running, self._patience.first_byte)
                for task in done:
                    running.pop(task).give_back()
                    try:
                        reply = task.result()
                    except AttemptFailed as failed:
                        last = failed.failure.error
                    else:
                        self._blame(ask, running)
                        return reply
                before = len(running)
                last = await self._start(ask, tried, running) or last
                if not done and len(running) == before:
                    last = await self._drop_hung(ask, running) or last
            raise last or no_key(self._pool.wait(ask.tenant))
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)
            for asked in running.values():
                self._pool.abandoned(asked.key, ask.tenant)
                asked.give_back()

    async def _start(self, ask: Ask, tried: set[int], running: "dict[asyncio.Task[Reply], Asked]") -> ApiError | None:
        """Ask one more key, if there is one and a place for it; return what is told where there is no place."""
        if len(running) >= MOST_AT_ONCE or (key := self._pool.take(tried, ask.tenant)) is None:
            return None
        try:
            # A second key is a help and no right: it is asked only where there is room at once.
            give_back = await self._shares.take(ask.tenant, 0.0 if running else None)
        except BaseException as error:
            self._pool.abandoned(key, ask.tenant)
            if running and isinstance(error, ApiError):
                return error
            raise
        tried.add(key.id)
        attempt = self._attempt(ask, key, lambda: self._whole(ask, key))
        running[asyncio.create_task(attempt)] = Asked(key, asyncio.get_running_loop().time(), give_back)
        return None

    async def _drop_hung(self, ask: Ask, running: "dict[asyncio.Task[Reply], Asked]") -> ApiError | None:
        """Give up keys with which the endpoint is silent on the simplest question as well; return what is told then."""
        tasks = tuple(running)
        answers = await asyncio.gather(*(self._answers(running[task].key) for task in tasks))
        error: ApiError | None = None
        for task in (task for task, well in zip(tasks, answers, strict=True) if not (well or task.done())):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            asked = running.pop(task)
            asked.give_back()
            failure = failure_of(TimeoutError())
            self._note(ask, asked.key, failure)
            error = failure.error
        return error

    async def _answers(self, key: Key) -> bool:
        """Tell whether the endpoint says anything at all to a key: then it is slow over an answer, and not hung."""
        try:
            answer = await self._client.open_get(
                self._models_url, headers=authorization(key), timeouts=self._patience.timeouts_of_question
            )
        except PoolTimeout:
            return True
        except HttpError:
            return False
        answer.close()
        return True

    def _blame(self, ask: Ask, running: "Mapping[asyncio.Task[Reply], Asked]") -> None:
        """Hold it against keys that had their time and still say nothing where another one has answered."""
        now = asyncio.get_running_loop().time()
        for task, asked in running.items():
            if not task.done() and now - asked.since >= self._patience.first_byte:
                self._note(ask, asked.key, failure_of(TimeoutError()))

    async def _whole(self, ask: Ask, key: Key) -> Reply:
        with self._generation(ask, key, streamed=False) as generation:
            answer = await self._send(ask, key, stream=False)
            try:
                reply = parse_reply(await read(answer), ask)
            finally:
                answer.close()
            generation.answered(reply)
        self._pool.succeeded(key, ask.tenant)
        return reply

    def _generation(self, ask: Ask, key: Key, *, streamed: bool) -> Generation:
        number = key.number if key.secret else None
        upstream = self._models[ask.model]
        return Generation(self.name, ask.model, ask, upstream=upstream, key=number, streamed=streamed)

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield the reply as it comes; after its first piece nothing is tried again."""
        async with self._shares.place(ask.tenant):
            opened = await self._first_stream(ask)
            try:
                with opened.generation:
                    yield Piece()
                    async for piece in self._watch(ask, opened):
                        opened.generation.piece(piece)
                        yield piece
            finally:
                self._pool.abandoned(opened.key, ask.tenant)
                opened.answer.close()

    async def _first_stream(self, ask: Ask) -> Opened:
        tried: set[int] = set()
        last: ApiError | None = None
        while (key := self._pool.take(tried, ask.tenant)) is not None:
            tried.add(key.id)
            try:
                return await self._attempt(ask, key, lambda key=key: self._open(ask, key))  # type: ignore[misc]
            except AttemptFailed as failed:
                last = failed.failure.error
        raise last or no_key(self._pool.wait(ask.tenant))

    async def _attempt(self, ask: Ask, key: Key, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Do the work with a key, and note what it says about the key.

        Raises:
            AttemptFailed: another key may fare better.
            ApiError: it is the request's own fault, or there is no connection for it.
        """
        try:
            return await work()
        except PoolTimeout:
            self._pool.abandoned(key, ask.tenant)
            raise overloaded() from None
        except (AttemptFailed, HttpError, TimeoutError) as error:
            failure = error.failure if isinstance(error, AttemptFailed) else failure_of(error)
            self._note(ask, key, failure)
            raise AttemptFailed(failure) from None
        except BaseException:
            self._pool.abandoned(key, ask.tenant)
            raise

    def _note(self, ask: Ask, key: Key, failure: Failure) -> None:
        log.warning("provider %s, key %d: %s: %s", self.name, key.number, failure.reason, failure.error.message)
        if failure.counts:
            self._pool.failed(key, failure.pause, tenant=ask.tenant, reason=failure.reason)
        else:
            self._pool.abandoned(key, ask.tenant, failure.reason)

    async def _send(self, ask: Ask, key: Key, *, stream: bool) -> StreamedAnswer:
        headers = {"X-Request-Id": ask.request_id, **authorization(key)}
        payload = payload_of(ask, self._models[ask.model], stream=stream)
        timeouts = self._patience.timeouts
        answer = await self._client.open_post(self._url, write(payload), headers=headers, timeouts=timeouts)
        if answer.status // 100 == 2:
            return answer
        try:
            body = await read_error(answer)
        finally:
            answer.close()
        verdict = judge(answer.status, answer.headers.get("retry-after"), body)
        if isinstance(verdict, ApiError):
            self._pool.succeeded(key, ask.tenant)
            raise verdict
        raise AttemptFailed(verdict)

    async def _open(self, ask: Ask, key: Key) -> Opened:
        generation = self._generation(ask, key, streamed=True)
        try:
            return Opened(*await self._open_stream(ask, key), generation)
        except BaseException as error:
            generation.failed(error)
            generation.end()
            raise

    async def _open_stream(self, ask: Ask, key: Key) -> tuple[StreamedAnswer, Key, Piece, AsyncIterator[Piece]]:
        async with asyncio.timeout(self._patience.first_byte):
            answer = await self._send(ask, key, stream=True)
            try:
                chunks = answer.chunks()
                beginning = await anext(chunks, b"")
            except BaseException:
                answer.close()
                raise
        try:
            rest = pieces(after(beginning, chunks))
            first = await anext(rest, Piece(finish_reason="stop"))
        except BaseException:
            answer.close()
            raise
        return answer, key, first, rest

    async def _watch(self, ask: Ask, opened: Opened) -> AsyncIterator[Piece]:
        text, told = [opened.first.text], opened.first.usage is not None
        yield opened.first
        try:
            async for piece in opened.rest:
                text.append(piece.text)
                told = told or piece.usage is not None
                yield piece
        except (HttpError, AttemptFailed) as error:
            failure = error.failure if isinstance(error, AttemptFailed) else failure_of(error)
            self._note(ask, opened.key, failure)
            late = isinstance(error, HttpTimeout)
            raise (timed_out() if late else bad_answer("The provider broke off.").failure.error) from None
        self._pool.succeeded(opened.key, ask.tenant)
        if not told:
            yield Piece(usage=estimate(ask, "".join(text)))
