"""The WhatsApp webhook: handshake, proof of origin, and 200 only once every message is queued."""

import json
import logging
from collections.abc import Callable

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter
from redis.exceptions import RedisError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from backend_orchestrator.intake import Intake, QueueFullError
from backend_orchestrator.phone_numbers import PhoneNumbers
from backend_orchestrator.signature import is_signed, same_token, split_secrets
from backend_orchestrator.whatsapp import Notification, parse_notification
from optimus_kit.errors import ApiError
from optimus_kit.secrets import SecretFolder

log = logging.getLogger(__name__)
_MAX_CHALLENGE_CHARS = 256

Count = Callable[[str, int], None]


def item_counter(registry: CollectorRegistry) -> Count:
    """What counts webhook items by outcome, in `registry`."""
    counter = Counter("optimus_webhook_items", "Items in WhatsApp webhook calls", ("outcome",), registry=registry)

    def count(outcome: str, number: int) -> None:
        counter.labels(outcome).inc(number)

    return count


def webhook_routes(intake: Intake, secrets: SecretFolder, numbers: PhoneNumbers, count: Count) -> APIRouter:
    """`GET` and `POST /webhooks/whatsapp`. Secrets are read per call, so that a rotated one works without a restart."""
    router = APIRouter(tags=["webhooks"])

    @router.get("/webhooks/whatsapp")
    async def handshake(request: Request) -> Response:
        """Answer Meta's question whether this is the right place."""
        query = request.query_params
        token_fits = same_token(query.get("hub.verify_token"), split_secrets(secrets.get("WHATSAPP_VERIFY_TOKEN")))
        challenge = query.get("hub.challenge", "")
        if not token_fits or query.get("hub.mode") != "subscribe" or len(challenge) > _MAX_CHALLENGE_CHARS:
            raise ApiError(403, "The webhook verification was refused.")
        return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})

    @router.post("/webhooks/whatsapp")
    async def receive(request: Request) -> Response:
        """Queue the messages of a notification."""
        body = await request.body()
        _require_signature(body, request.headers.get("X-Hub-Signature-256"), secrets)
        notification = parse_notification(_decoded(body), numbers.current(), request.state.request_id)
        queued, known = await _queue(notification, intake)
        for outcome, number in {"queued": queued, "duplicate": known, **notification.ignored}.items():
            count(outcome, number)
        if notification.ignored:
            log.info("webhook %s: left out %s", request.state.request_id, dict(notification.ignored))
        return JSONResponse({"queued": queued, "duplicates": known, "ignored": sum(notification.ignored.values())})

    return router


def _require_signature(body: bytes, header: str | None, secrets: SecretFolder) -> None:
    keys = split_secrets(secrets.get("WHATSAPP_APP_SECRET"))
    if not keys:
        raise ApiError(503, "The WhatsApp webhook is not set up.", code="not_configured")
    if header is None:
        raise ApiError(401, "The header X-Hub-Signature-256 is missing.", code="missing_signature")
    if not is_signed(body, header, keys):
        raise ApiError(401, "The header X-Hub-Signature-256 does not sign this body.", code="invalid_signature")


def _decoded(body: bytes) -> object:
    try:
        decoded: object = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body is not JSON.") from None
    return decoded


async def _queue(notification: Notification, intake: Intake) -> tuple[int, int]:
    """Queue every message; how many were new, and how many known.

    One that fails fails the call: Meta repeats it whole, and what was queued already is known then.
    """
    known = 0
    try:
        for message in notification.messages:
            known += (await intake.put(message)).duplicate
    except (RedisError, OSError, QueueFullError) as error:
        log.warning("webhook not queued: %s", type(error).__name__)
        raise ApiError(503, "The message could not be queued; send it again.", headers={"Retry-After": "5"}) from error
    return len(notification.messages) - known, known
