"""WhatsApp notifications, signed: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

JSON = {"Content-Type": "application/json"}


def notification(number: str, message: str, text: str) -> bytes:
    """Return a notification of one message for a number, each from another sender.

    One sender's messages are answered one after the other.
    """
    sender = f"5511{int(hashlib.sha256(message.encode()).hexdigest()[:10], 16)}"
    said = {"id": message, "from": sender, "timestamp": "0", "type": "text", "text": {"body": text}}
    value = {"metadata": {"phone_number_id": number}, "messages": [said]}
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


def signed(body: bytes, secrets: str) -> Mapping[str, str]:
    """Return the headers of a notification; the first of the secrets signs, where several are valid."""
    signing = secrets.replace("\n", ",").split(",")[0].encode()
    return {**JSON, "X-Hub-Signature-256": f"sha256={hmac.new(signing, body, hashlib.sha256).hexdigest()}"}
