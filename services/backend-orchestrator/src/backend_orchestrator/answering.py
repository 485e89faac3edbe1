"""Asking ai-engine for the answer to a message."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from backend_orchestrator.http_errors import attempt_error, transport_error
from backend_orchestrator.messages import InboundMessage, encodable
from backend_orchestrator.retry import PermanentError, TransientError
from optimus_kit.http_client import Answer, HttpClient, HttpError
from optimus_kit.prompts import Rendered


class Answerer(Protocol):
    """Whoever knows what to say."""

    async def answer(self, message: InboundMessage, facts: str) -> str:
        """The reply to `message`, given `facts` from the tenant's own systems (may be empty).

        Raises:
            AttemptError: there is none, for now or for good.
        """


Instructions = Callable[[InboundMessage, str], Rendered]
"""What the model is told of a message and the facts for it.

It raises `PermanentError` where there is nothing that it could be told.
"""


def facts_alone(_message: InboundMessage, facts: str) -> Rendered:
    """Return the facts, with no instructions and no version."""
    return Rendered(facts, "")


class AiEngine:
    """ai-engine over HTTP, asked in the name of the message's tenant.

    Args:
        client: its base URL is ai-engine's; its time-out is the deadline of an answer.
        model: model name to ask for.
        key_of: a tenant's API key, or None.
        instructions: what the model is told beside the message.
        recalls: whether a tenant's answers may use what is remembered.
    """

    def __init__(
        self,
        client: HttpClient,
        model: str,
        key_of: Callable[[str], str | None],
        instructions: Instructions = facts_alone,
        recalls: Callable[[str], bool] = lambda _tenant: False,
    ) -> None:
        self._client = client
        self._model = model
        self._key_of = key_of
        self._instructions = instructions
        self._recalls = recalls

    async def answer(self, message: InboundMessage, facts: str) -> str:
        """As `Answerer` says."""
        key = self._key_of(message.tenant)
        if key is None:
            # It may be in the middle of a rotation, so not for good.
            raise TransientError("no API key for the tenant")
        told = self._instructions(message, facts)
        system = [{"role": "system", "content": told.text}] if told.text else []
        body = {"model": self._model, "messages": [*system, {"role": "user", "content": message.text}]}
        try:
            response = await self._client.post(
                "/v1/chat/completions",
                json=body | ({"memory": True} if self._recalls(message.tenant) else {}),
                headers=_headers(message, key, told.version),
            )
        except HttpError as error:
            raise transport_error("ai-engine", error) from error
        if response.status != HTTPStatus.OK:
            raise attempt_error("ai-engine", response)
        return _content(response)


def _headers(message: InboundMessage, key: str, prompt_version: str) -> dict[str, str]:
    # A message is counted where it is queued and where it is answered; ai-engine counts the request.
    headers = {"Authorization": f"Bearer {key}", "X-Session-Id": message.session, "X-Messages-Counted": "true"}
    optional = {"X-Request-Id": message.request_id, "X-Prompt-Version": prompt_version}
    return headers | {name: value for name, value in optional.items() if value}


def _content(response: Answer) -> str:
    """The text of a chat completion: its content, or the text parts of it."""
    try:
        content = response.json()["choices"][0]["message"]["content"]
        if isinstance(content, list):
            content = "".join(str(part["text"]) for part in content if part["type"] == "text")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise TransientError("ai-engine answered something that is no chat completion") from error
    if not isinstance(content, str) or not content.strip():
        raise PermanentError("ai-engine answered nothing")
    return encodable(content)
