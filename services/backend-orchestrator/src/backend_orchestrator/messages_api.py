"""The tenants' own way in: messages of other channels, queued and answered like those of WhatsApp."""

import logging
import uuid

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError
from starlette.responses import JSONResponse, Response

from backend_orchestrator.intake import Intake, QueueUnavailableError, RefusedError
from backend_orchestrator.messages import InboundMessage, InvalidMessageError, encodable
from backend_orchestrator.refusals import refused
from optimus_kit.app import note_tenant
from optimus_kit.errors import ApiError
from optimus_kit.tenancy import Tenant, Tenants

log = logging.getLogger(__name__)
_SHOWN = ("status", "attempts", "reply", "reason")


class NewMessage(BaseModel):
    """Body of `POST /v1/messages`. An id given makes the call repeatable: the message is answered once."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    sender: str = Field(alias="from")
    text: str
    message_id: str | None = None


def message_routes(intake: Intake, tenants: Tenants) -> APIRouter:
    """`POST /v1/messages` and `GET /v1/messages/{id}`."""
    router = APIRouter(tags=["messages"])

    @router.post("/v1/messages", status_code=202)
    async def post_message(body: NewMessage, request: Request) -> Response:
        """Queue a message."""
        tenant = _tenant_of(request, tenants)
        message = _message(body, tenant, request.state.request_id)
        try:
            accepted = await intake.put(message, tenant, rated=True)
        except RefusedError as error:
            raise refused(error) from error
        return JSONResponse({"message_id": message.message_id, "status": accepted.status}, status_code=202)

    @router.get("/v1/messages/{message_id:path}")
    async def get_message(message_id: str, request: Request) -> Response:
        """Tell what became of a message."""
        tenant = _tenant_of(request, tenants)
        try:
            state = await intake.state(tenant.name, message_id)
        except (RedisError, OSError) as error:
            log.warning("state not read: %s", type(error).__name__)
            raise refused(QueueUnavailableError("The queue cannot be reached.", 5.0)) from error
        if state is None:
            raise ApiError(404, "There is no message with this id.")
        known = {name: state[name] for name in _SHOWN if name in state}
        return JSONResponse({"message_id": message_id, **known, "attempts": int(known.get("attempts", 0))})

    return router


def _tenant_of(request: Request, tenants: Tenants) -> Tenant:
    tenant = tenants.require(request.headers.get("Authorization"))
    note_tenant(request, tenant.name)
    return tenant


def _message(body: NewMessage, tenant: Tenant, request_id: str) -> InboundMessage:
    try:
        return InboundMessage(
            tenant=tenant.name,
            message_id=uuid.uuid4().hex if body.message_id is None else body.message_id,
            channel="api",
            sender=body.sender,
            text=encodable(body.text),
            request_id=request_id,
        )
    except InvalidMessageError as error:
        raise ApiError(400, str(error)) from error
