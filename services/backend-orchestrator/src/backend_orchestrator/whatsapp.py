"""Reading the payload of a WhatsApp Cloud API webhook: pure, and never failing on a shape it does not know.

Format: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backend_orchestrator.messages import MAX_TEXT_CHARS, InboundMessage, InvalidMessageError, encodable

_CAPTIONED = ("image", "video", "document")


@dataclass(frozen=True)
class Notification:
    """What one webhook call holds.

    Attributes:
        messages: to be queued, in the order given.
        ignored: how many items were left out, by reason: `status`, `unknown_number`, `unsupported_type`,
            `malformed`. They are acknowledged all the same: Meta would send them again for days, with the same outcome.
    """

    messages: tuple[InboundMessage, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)


def parse_notification(payload: object, tenant_of: Mapping[str, str], request_id: str = "") -> Notification:
    """The messages in a webhook `payload` (decoded JSON of any shape).

    Args:
        payload: `{"object": …, "entry": [{"changes": [{"value": {"metadata": …, "messages": […]}}]}]}`.
        tenant_of: tenant name by WhatsApp phone number id.
        request_id: id of the call, kept with each message.
    """
    messages: list[InboundMessage] = []
    ignored: Counter[str] = Counter()
    for value in _values(payload):
        ignored["status"] += len(_list(value.get("statuses")))
        number = _text(_mapping(value.get("metadata")).get("phone_number_id"))
        raws = [_mapping(raw) for raw in _list(value.get("messages"))]
        contacts = [_mapping(contact) for contact in _list(value.get("contacts"))]
        contact = contacts[0] if len(contacts) == len(raws) == 1 else {}
        for raw in raws:
            found = _message(raw, number, tenant_of.get(number), request_id, _sender(raw, contact))
            if isinstance(found, str):
                ignored[found] += 1
            else:
                messages.append(found)
    return Notification(tuple(messages), {reason: count for reason, count in ignored.items() if count})


def _message(
    raw: Mapping[str, object], number: str, tenant: str | None, request_id: str, sender: str
) -> InboundMessage | str:
    """One message, or the reason for leaving it out."""
    if tenant is None:
        return "unknown_number"
    text = _written(raw)
    if text is None:
        return "unsupported_type"
    try:
        return InboundMessage(
            tenant=tenant,
            message_id=_text(raw.get("id")),
            channel="whatsapp",
            sender=sender,
            text=encodable(text[:MAX_TEXT_CHARS]),
            recipient=number,
            request_id=request_id,
        )
    except InvalidMessageError:
        return "malformed"


def _sender(raw: Mapping[str, object], contact: Mapping[str, object]) -> str:
    """Who wrote: the number, or the business-scoped user id of somebody whose user name hides it.

    The number's fields are left out or empty then.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    told = (raw.get("from"), raw.get("from_user_id"), contact.get("wa_id"), contact.get("user_id"))
    return next((text for text in map(_text, told) if text), "")


def _written(raw: Mapping[str, object]) -> str | None:
    """What the sender wrote or chose; None for types without words (audio, location, reactions, …)."""
    kind = _text(raw.get("type"))
    content = _mapping(raw.get(kind))
    if kind == "text":
        return _text(content.get("body"))
    if kind == "button":
        return _text(content.get("text"))
    if kind == "interactive":
        return _text(_mapping(content.get(_text(content.get("type")))).get("title")) or None
    if kind in _CAPTIONED:
        return _text(content.get("caption")) or None
    return None


def _values(payload: object) -> Iterator[Mapping[str, object]]:
    for entry in _list(_mapping(payload).get("entry")):
        for change in _list(_mapping(entry).get("changes")):
            yield _mapping(_mapping(change).get("value"))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
