"""What is queued: one message from outside, and its form on a Redis stream."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

Channel = Literal["whatsapp", "api"]

MAX_TEXT_CHARS = 8192
_ID = re.compile(r"[\x21-\x7e]{1,256}")
# A business-scoped user id of WhatsApp is a country code, a dot and up to 128 letters and digits.
_SENDER = re.compile(r"[A-Za-z0-9_.-]{1,160}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAX_SESSION_CHARS = 128


class InvalidMessageError(ValueError):
    """What was given is no message; the text says which part and why, and quotes nothing of it."""


@dataclass(frozen=True)
class InboundMessage:
    """One message to answer.

    Attributes:
        tenant: whose customer wrote.
        message_id: the channel's own id of the message; unique within the tenant, the key for answering once.
        channel: how it came and where the answer goes.
        sender: who wrote (WhatsApp: the number in digits, or the business-scoped user id of somebody who hides it). One
            sender is one conversation.
        text: what was written, 1 to `MAX_TEXT_CHARS` characters.
        recipient: the address that was written to (WhatsApp: the phone number id); empty where there is none.
        request_id: id of the request that brought it, carried through every call made for it.
        traceparent: where in which trace it was queued (W3C trace context); empty where there was none.
    """

    tenant: str
    message_id: str
    channel: Channel
    sender: str
    text: str
    recipient: str = ""
    request_id: str = ""
    traceparent: str = ""

    def __post_init__(self) -> None:
        _demand(_TENANT.fullmatch(self.tenant), "tenant: not a tenant name")
        _demand(_ID.fullmatch(self.message_id), "message_id: 1 to 256 printable ASCII characters without spaces")
        _demand(self.channel in get_args(Channel), "channel: unknown")
        _demand(_SENDER.fullmatch(self.sender), "from: 1 to 160 letters, digits, '.', '_' or '-'")
        _demand(self.text.strip(), "text: empty")
        _demand(self.text == encodable(self.text), "text: holds half of a surrogate pair")
        _demand(len(self.text) <= MAX_TEXT_CHARS, f"text: longer than {MAX_TEXT_CHARS} characters")

    @property
    def session(self) -> str:
        """The conversation it belongs to, as ai-engine knows it."""
        session = f"{self.channel}-{self.sender}"
        if len(session) <= _MAX_SESSION_CHARS:
            return session
        return f"{self.channel}-{hashlib.sha256(self.sender.encode()).hexdigest()}"

    @property
    def lane(self) -> str:
        """The queue of its sender, in which one message is in hand at a time."""
        return f"{self.tenant}:{self.channel}-{self.sender}"

    def encode(self) -> dict[str, str]:
        """Its fields as a stream entry."""
        return {name: str(value) for name, value in asdict(self).items()}

    def payload(self) -> str:
        """Its fields as an entry of a lane."""
        return json.dumps(self.encode(), ensure_ascii=False, separators=(",", ":"))


def encodable(text: str) -> str:
    """`text` with U+FFFD for each half of a surrogate pair: JSON may hold one, and no encoding does."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def decode(entry: Mapping[str, str]) -> InboundMessage:
    """The message of a stream entry.

    Raises:
        InvalidMessageError: a field is missing or malformed: the entry is poison, and trying again cannot help.
    """
    known = {field.name for field in fields(InboundMessage)}
    values = {name: value for name, value in entry.items() if name in known}
    try:
        return InboundMessage(**values)  # type: ignore[arg-type]  # checked by the class itself
    except TypeError as error:
        raise InvalidMessageError("fields are missing") from error


def _demand(condition: object, message: str) -> None:
    if not condition:
        raise InvalidMessageError(message)
