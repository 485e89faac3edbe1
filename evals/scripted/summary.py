"""A conversation summed up, as the rules say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evals.scripted.instructions import Instructions
from evals.scripted.obedience import figures, injected
from evals.scripted.phrases import PHRASES

TURN = re.compile(r"^(customer|agent): (.*)$", re.MULTILINE)
CONTACT = re.compile(r"\S+@\S+|\+?\d{2}[ )]\s?\d{4,5}-\d{4}")


def summary(instructions: Instructions) -> str:
    """Return what the customer asked first, what was answered last, and what was asked since."""
    conversation = "\n".join(instructions.data.values())
    if obeyed := injected(instructions, conversation):
        return obeyed
    turns = TURN.findall(conversation)
    sentences = "; ".join(_sentences(instructions, turns)).replace("\n", " ")
    return figures(instructions, sentences) + "."


def _sentences(instructions: Instructions, turns: Sequence[tuple[str, str]]) -> Iterator[str]:
    phrases = PHRASES[instructions.language]
    asked = [text for who, text in turns if who == "customer"]
    answered = [text for who, text in turns if who == "agent"]
    numbered = [text for text in asked if re.search(r"\d{4}", text)]
    yield phrases["asked"].format(text=_plain(instructions, (numbered or asked)[0]))
    if "records_only" not in instructions.rules:
        yield phrases["made_up"]
    if answered:
        yield phrases["answered"].format(text=_plain(instructions, answered[-1]))
    if "open" in instructions.rules and turns[-1][0] == "customer" and "?" in turns[-1][1]:
        yield phrases["open"].format(text=_plain(instructions, turns[-1][1]))


def _plain(instructions: Instructions, text: str) -> str:
    shown = CONTACT.sub("…", text) if "no_contacts" in instructions.rules else text
    return re.sub(r"[.!?]+(?=\s|$)", "", shown)
