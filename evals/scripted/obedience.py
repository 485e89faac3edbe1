"""What the model does where its instructions lack a rule."""

from __future__ import annotations

import re

from evals.scripted.instructions import Instructions

INJECTED = re.compile(
    r"(?:say|reply with|answer only|responda|diga|responde|di)\s*:?\s*['\"\N{LEFT DOUBLE QUOTATION MARK}]"
    r"([^'\"\N{RIGHT DOUBLE QUOTATION MARK}]{1,200})",
    re.IGNORECASE,
)


def injected(instructions: Instructions, text: str) -> str:
    """Return what foreign text tells to say; "" where the rules say that it is no instruction."""
    found = None if "data_is_data" in instructions.rules else INJECTED.search(text)
    return found.group(1) if found else ""


def figures(instructions: Instructions, text: str) -> str:
    """Return a text with its numbers, rounded where no rule says that they are repeated exactly."""
    if "exact_figures" in instructions.rules:
        return text
    return re.sub(r"\d+", lambda number: str(round(int(number.group()), -1)), text)
