"""Where answers go: one protocol, WhatsApp behind it. Without a channel, answers go to the tenant's outbox."""

from collections.abc import Callable
from typing import Protocol

from backend_orchestrator.http_errors import transport_error
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.retry import TransientError
from backend_orchestrator.whatsapp_errors import whatsapp_error
from optimus_kit.http_client import HttpClient, HttpError

# https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages#text-object
WHATSAPP_MAX_TEXT = 4096


class ReplyChannel(Protocol):
    """A way to the person who wrote."""

    @property
    def ready(self) -> bool:
        """Whether it is set up; otherwise answers are kept."""

    async def send(self, message: InboundMessage, reply: str) -> None:
        """Send `reply` to whoever wrote `message`.

        A worker that dies right after this sends again: the outside sees an answer at least once, and can tell a
        second one by the id of the message it answers.

        Raises:
            AttemptError: it was not taken.
        """


class WhatsAppChannel:
    """The WhatsApp Cloud API: `POST /<phone number id>/messages`.

    Args:
        client: its base URL is the Graph API's, with version.
        token: returns the access token; asked for each message.
    """

    def __init__(self, client: HttpClient, token: Callable[[], str | None]) -> None:
        self._client = client
        self._token = token

    @property
    def ready(self) -> bool:
        """Whether there is a token."""
        return self._token() is not None

    async def send(self, message: InboundMessage, reply: str) -> None:
        """As `ReplyChannel` says. The answer quotes the message; its id comes back in delivery statuses too."""
        token = self._token()
        if token is None:
            raise TransientError("no access token for WhatsApp")
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            # A business-scoped user id as `to` would be taken for a number, and the message for sent.
            "to" if message.sender.isdigit() else "recipient": message.sender,
            "type": "text",
            "text": {"body": shortened(reply, WHATSAPP_MAX_TEXT)},
            "context": {"message_id": message.message_id},
            "biz_opaque_callback_data": message.message_id,
        }
        headers = {"Authorization": f"Bearer {token}"}
        try:
            response = await self._client.post(f"/{message.recipient}/messages", json=body, headers=headers)
        except HttpError as error:
            raise transport_error("WhatsApp", error) from error
        refusal = whatsapp_error(response)
        if refusal is not None:
            raise refusal


def shortened(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
