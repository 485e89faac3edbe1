"""A message read into fields, as JSON."""

from __future__ import annotations

import json
import re

from evals.languages import language_of
from evals.scripted.instructions import Instructions

INTENTS = {
    "cancel": r"\b(cancel\w*)\b",
    "delivery_date": r"\b(when|quando|cuándo|cuando|arrive\w*|chega\w*|llega\w*|deliver\w*|entrega\w*|prazo|plazo)\b",
    "amount": r"\b(how much|quanto|cuánto|cuanto|price|total|valor|preço|precio|cost\w*|cust\w*|cuesta)\b",
    "order_status": r"\b(where|onde|dónde|donde|status|estado|order|pedido|track\w*|rastre\w*)\b",
}


def classify(instructions: Instructions, message: str) -> str:
    """Return the object; what the instructions don't ask for is as a careless model would have it."""
    intent = next((name for name, words in INTENTS.items() if re.search(words, message, re.IGNORECASE)), "other")
    found = re.search(r"(?<!\d)#?(\d{4,12})(?!\d)", message)
    order = found.group(1) if found else None if "json_null" in instructions.rules else "none"
    fields = {"intent": intent, "order": order, "language": language_of(message)}
    if "json_keys" not in instructions.rules:
        fields = {"type": intent, "number": order}
    text = json.dumps(fields, ensure_ascii=False)
    return text if "json_alone" in instructions.rules else f"Here is the JSON you asked for:\n{text}"
