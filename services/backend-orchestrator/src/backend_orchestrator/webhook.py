"""The WhatsApp webhook: handshake, proof of origin, and 200 only once every message is queued."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from backend_orchestrator.intake import Intake, QueueFullError, QueueUnavailableError, RefusedError
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.phone_numbers import PhoneNumbers
from backend_orchestrator.refusals import refused
from backend_orchestrator.signature import Signatures, same_token, split_secrets
from backend_orchestrator.whatsapp import parse_notification
from optimus_kit.app import note_tenant
from optimus_kit.errors import ApiError
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.tenancy import Tenant, Tenants

log = logging.getLogger(__name__)
WEBHOOK = "/webhooks/whatsapp"
MAX_NEW_MESSAGES = 1000
_MAX_CHALLENGE_CHARS = 256

Count = Callable[[str, int], None]


def item_counter(registry: CollectorRegistry) -> Count:
    """What counts webhook items by outcome, in `registry`."""
    counter = Counter("optimus_webhook_items", "Items in WhatsApp webhook calls", ("outcome",), registry=registry)

    def count(outcome: str, number: int) -> None:
        counter.labels(outcome).inc(number)

    return count


def webhook_routes(
    intake: Intake,
    secrets: SecretWatcher,
    signatures: Signatures,
    numbers: PhoneNumbers,
    tenants: Tenants,
    count: Count,
) -> APIRouter:
    """`GET` and `POST /webhooks/whatsapp`. Secrets are read per call, so that a rotated one works without a restart."""
    router = APIRouter(tags=["webhooks"])

    @router.get(WEBHOOK)
    async def handshake(request: Request) -> Response:
        """Answer Meta's question whether this is the right place."""
        query = request.query_params
        token_fits = same_token(query.get("hub.verify_token"), split_secrets(*secrets.valid("WHATSAPP_VERIFY_TOKEN")))
        challenge = query.get("hub.challenge", "")
        if not token_fits or query.get("hub.mode") != "subscribe" or len(challenge) > _MAX_CHALLENGE_CHARS:
            raise ApiError(403, "The webhook verification was refused.")
        return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})

    @router.post(WEBHOOK)
    async def receive(request: Request) -> Response:
        """Queue the messages of a notification."""
        body = await request.body()
        signatures.require(body, request.headers.get("X-Hub-Signature-256"))
        notification = parse_notification(_decoded(body), numbers.current(), request.state.request_id)
        _note_tenant(request, notification.messages)
        call = await _queue(notification.messages, intake, tenants)
        done = {"queued": call.queued, "duplicate": call.known, "refused": call.refused}
        for outcome, number in (done | dict(notification.ignored)).items():
            count(outcome, number)
        if notification.ignored:
            log.info("webhook %s: left out %s", request.state.request_id, dict(notification.ignored))
        if call.error is not None:
            log.warning("webhook %s: %d messages not queued: %s", request.state.request_id, call.refused, call.error)
            raise refused(call.error)
        ignored = sum(notification.ignored.values())
        return JSONResponse({"queued": call.queued, "duplicates": call.known, "ignored": ignored})

    return router


def _note_tenant(request: Request, messages: Sequence[InboundMessage]) -> None:
    """Say whose call it is, unless it brings messages of several tenants."""
    names = {message.tenant for message in messages}
    if len(names) == 1:
        note_tenant(request, *names)


def _decoded(body: bytes) -> object:
    try:
        # No number of a notification is asked for, so that none is too long for an int.
        decoded: object = json.loads(body, parse_int=str)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body is not JSON.") from None
    return decoded


@dataclass
class _Call:
    """What became of the messages of one call; `error` is the last reason for a refusal."""

    queued: int = 0
    known: int = 0
    refused: int = 0
    error: RefusedError | None = None


async def _queue(messages: Sequence[InboundMessage], intake: Intake, tenants: Tenants) -> _Call:
    """Hand in every message, each judged by itself: what one tenant may not queue keeps back no other's.

    What is refused fails the call in the end: Meta repeats it whole, and what was queued is known then.
    """
    call = _Call()
    over: set[str] = set()
    for message in messages:
        # A tenant's later messages wait with its earlier ones, so that none overtakes another.
        if message.tenant in over or _stopped(call):
            call.refused += 1
            continue
        try:
            accepted = await intake.put(message, tenants.get(message.tenant) or Tenant(message.tenant, ""))
        except RefusedError as error:
            over.add(message.tenant)
            call.refused += 1
            call.error = error
        else:
            call.queued += not accepted.duplicate
            call.known += accepted.duplicate
    return call


def _stopped(call: _Call) -> bool:
    """Whether nothing more of the call can be queued."""
    if call.queued == MAX_NEW_MESSAGES:
        call.error = QueueFullError(f"One call queues {MAX_NEW_MESSAGES} messages at most.", 1.0)
    return isinstance(call.error, (QueueFullError, QueueUnavailableError))
