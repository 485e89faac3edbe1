"""POST /v1/chat/completions: authenticate, read, admit, recall, ask, release, answer."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ai_engine.limits import Admission, Gate, Outcome
from ai_engine.named_prompt import NamedPrompts, with_instructions
from ai_engine.providers import catalogue
from ai_engine.providers.base import Ask, Piece, Turn, Usage
from ai_engine.providers.catalogue import Catalogue, Route
from ai_engine.providers.strict_json import well_formed, write
from ai_engine.providers.verdicts import timed_out
from ai_engine.recall import Recall, Recalled
from ai_engine.replies import DONE, Chunks, comment, completion, event
from ai_engine.requests import (
    Caller,
    ask_of,
    conversation,
    is_instruction,
    new_messages,
    read_body,
    read_caller,
    receive_body,
    turns_of,
)
from ai_engine.schema import ChatRequest
from ai_engine.streaming import ClientGone, EventStream, while_connected
from optimus_kit.app import note_tenant
from optimus_kit.errors import ApiError
from optimus_kit.fair_start import FairStart
from optimus_kit.fair_start import Turn as Start
from optimus_kit.interruption import Deadline
from optimus_kit.prompts import Rendered
from optimus_kit.random_id import random_id
from optimus_kit.tenancy import Tenant, Tenants
from optimus_kit.tracing import current_span

log = logging.getLogger("ai_engine.chat")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """An admitted request on its way.

    Args:
        admission: its slot.
        body: as the client sent it.
        turns: the client's messages.
        ask: what the provider is asked: with history and what is remembered.
        routes: where, in order.
        headers: of the response.
        counted: whether the caller counts messages itself.
    """

    admission: Admission
    body: ChatRequest
    turns: tuple[Turn, ...]
    ask: Ask
    routes: tuple[Route, ...]
    headers: dict[str, str]
    counted: bool = False

    def outcome(self, text: str, usage: Usage) -> Outcome:
        """Return what the request came to with this reply."""
        said = tuple(turn for turn in self.turns if not is_instruction(turn))
        messages = (0, 0) if self.counted else (new_messages(self.turns), 1)
        return Outcome(*messages, usage.total_tokens, (*said, Turn("assistant", well_formed(text))))


class Chat:
    """The handler.

    Args:
        tenants: who may ask.
        gate: limits and conversations.
        providers: who answers.
        recall: what is remembered.
        named: prompts that clients name.
        deadline: longest time for one answer, in seconds.
        starts: lets requests begin.
    """

    def __init__(
        self,
        tenants: Tenants,
        gate: Gate,
        providers: Catalogue,
        recall: Recall,
        named: NamedPrompts,
        deadline: float,
        starts: FairStart,
    ) -> None:
        self._tenants = tenants
        self._gate = gate
        self._providers = providers
        self._recall = recall
        self._named = named
        self._deadline = deadline
        self._starts = starts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an application of its own: it needs none of what the framework does for handlers."""
        request = Request(scope, receive)
        caller = read_caller(scope)
        tenant = self._tenants.require(caller.authorization)
        note_tenant(request, tenant.name)
        start = self._starts.begin(tenant.name) or await self._starts.wait(tenant.name)
        try:
            response = await self._answer(request, caller, tenant, start)
        finally:
            start.end()
        await response(scope, receive, send)

    async def _answer(self, request: Request, caller: Caller, tenant: Tenant, start: Start) -> Response:
        body = read_body(await receive_body(request.receive))
        routes = self._providers.routes(body.model)
        self._providers.refuse_backlog(routes, tenant.name)
        admission = await self._gate.admit(tenant, caller.session, durable=caller.durable)
        try:
            await start.pause()
            job = await self._prepare(caller, body, routes, admission)
            if body.stream or not routes[0].provider.immediate(routes[0].model):
                # From here on others' processors are busy.
                start.end()
            if body.stream:
                return await self._stream(request, job)
            answer = await self._whole(request, job)
            await start.pause()
            return answer
        except ClientGone:
            await self._gate.release(admission, Outcome())
            return Response(status_code=499)
        except BaseException:
            await _finish(self._gate.release(admission, Outcome()))
            raise

    async def _prepare(self, caller: Caller, body: ChatRequest, routes: tuple[Route, ...], admission: Admission) -> Job:
        headers = dict(admission.headers)
        if caller.session:
            headers["X-Session-Id"] = caller.session
            headers["X-Session-Messages"] = str(len(admission.history))
        turns = turns_of(body)
        named = self._named.render(body.prompt, admission.tenant) if body.prompt else Rendered("", "")
        if named.text:
            turns = with_instructions(named.text, turns)
        recalled = Recalled("empty")
        if body.memory or caller.recall:
            who = admission.tenant.name
            recalled = await self._recall.recall(turns, caller.authorization or "", caller.request_id, who)
            headers["X-Recall"] = recalled.state
        if versions := ", ".join(filter(None, (caller.prompt_version, named.version, recalled.version))):
            headers["X-Prompt-Version"] = versions
            current_span().set("optimus.prompt.version", versions)
        told = conversation(admission.history, recalled.turn, turns)
        ask = ask_of(body, told, caller.request_id, admission.tenant.name)
        return Job(admission, body, turns, ask, routes, headers, caller.counted)

    async def _whole(self, request: Request, job: Job) -> Response:
        if job.routes[0].provider.immediate(job.routes[0].model):
            reply = await catalogue.complete(job.routes, job.ask)
        else:
            reply = await self._attended(request, catalogue.complete(job.routes, job.ask))
        stored = await self._gate.release(job.admission, job.outcome(reply.text, reply.usage))
        document = completion(_identity(), int(time.time()), job.body.model, reply)
        return Response(write(document), media_type="application/json", headers=job.headers | stored.headers)

    async def _attended(self, request: Request, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what `work` returns, before the deadline and while the client is there."""
        deadline = Deadline(asyncio.get_running_loop().time() + self._deadline, timed_out)
        try:
            return await while_connected(request.scope, request.receive, work, deadline)
        finally:
            deadline.close()

    async def _stream(self, request: Request, job: Job) -> Response:
        until = asyncio.get_running_loop().time() + self._deadline
        pieces = catalogue.stream(job.routes, job.ask)
        try:
            first = await self._attended(request, _next(pieces))
        except BaseException:
            await pieces.aclose()
            raise
        return EventStream(self._events(job, first, pieces, until), job.headers)

    async def _events(
        self, job: Job, first: Piece, pieces: AsyncGenerator[Piece, None], until: float
    ) -> AsyncGenerator[bytes, None]:
        """Yield the events; whatever ends it, the slot is given back, and a whole reply is kept."""
        chunks = Chunks(_identity(), int(time.time()), job.body.model)
        deadline = Deadline(until)
        usage = Usage(0, 0)
        text = [first.text]
        outcome = Outcome()
        try:
            yield chunks.role() + chunks.piece(first)
            async with aclosing(pieces):
                while (piece := await _next_until(pieces, deadline)) is not None:
                    text.append(piece.text)
                    usage = piece.usage or usage
                    if chunk := chunks.piece(piece):
                        yield chunk
            outcome = job.outcome("".join(text), usage)
            # Kept before the end is told, so that the client's next turn finds this one.
            stored = await self._gate.release(job.admission, outcome)
            for name, value in stored.headers.items():
                yield comment(f"{name}: {value}")
            if job.body.stream_options and job.body.stream_options.include_usage:
                yield chunks.usage(usage)
            yield DONE
        except TimeoutError:
            yield event(timed_out().body())
        except ApiError as error:
            yield event(error.body())
        finally:
            deadline.close()
            if not outcome.turns:
                await _finish(self._gate.release(job.admission, Outcome()))


async def _next(pieces: AsyncGenerator[Piece, None]) -> Piece:
    return await anext(pieces, Piece(finish_reason="stop"))


async def _next_until(pieces: AsyncGenerator[Piece, None], deadline: Deadline) -> Piece | None:
    # Around each piece rather than around the loop: a time-out must not fire while the generator stands at a yield.
    with deadline:
        return await anext(pieces, None)


async def _finish(work: Coroutine[Any, Any, object]) -> None:
    """Await `work` to its end, even when this request is being cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _identity() -> str:
    return f"chatcmpl-{random_id()}"
