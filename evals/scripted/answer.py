"""The answer to a customer's message: from records and memories, in the customer's language, as the rules say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evals.languages import language_of
from evals.scripted.classify import classify
from evals.scripted.instructions import Instructions
from evals.scripted.obedience import figures, injected
from evals.scripted.phrases import PHRASES
from evals.scripted.summary import summary

ORDER = re.compile(r"(?<!\d)#?(\d{4,12})(?!\d)")
RECORD = re.compile(r"^- order (\d+): (.*)$", re.MULTILINE)
SPOKEN = frozenset({"status", "carrier", "expected", "total", "items", "paid", "delivered", "tracking"})
"""Fields that customers are told of."""
OFF_TOPIC = re.compile(
    r"\b(poem|poema|president\w*|recipe|receita|receta|joke|piada|chiste|python|código|code|homework|lição|tarea|"
    r"weather|clima|bitcoin|football|futebol|fútbol|diagn[oó]s\w+|lawyer|advogado|abogado|horoscope|horóscopo)\b",
    re.IGNORECASE,
)
ABOUT_OTHERS = re.compile(
    r"\b(other customers?|another customer|outros? clientes?|outra empresa|otros? clientes?|otra empresa|globex|"
    r"competitor|concorrente|competidor|your (rules|instructions|prompt)|suas (regras|instruções)|seu prompt|"
    r"tus (reglas|instrucciones)|sus (reglas|instrucciones)|system prompt|initial instructions|canary)\b",
    re.IGNORECASE,
)
COMMON = frozenset(
    [
        "what",
        "when",
        "where",
        "which",
        "does",
        "have",
        "that",
        "this",
        "with",
        "your",
        "para",
        "como",
        "qual",
        "meus",
        "minha",
        "cuál",
        "cuando",
        "quando",
    ]
)


def answer(instructions: Instructions, messages: Sequence[Mapping[str, str]]) -> str:
    """Return the answer to the conversation's last message."""
    said = [each["content"] for each in messages if each["role"] == "user"]
    if "json" in instructions.rules:
        return classify(instructions, said[-1])
    text = summary(instructions) if "summary" in instructions.rules else _answer(instructions, said)
    if "short" in instructions.rules:
        return text
    return "\n".join(["# Answer", *[f"- {text} {text}"] * 3, "# Summary", text])


def _answer(instructions: Instructions, said: Sequence[str]) -> str:
    rules, message = instructions.rules, said[-1]
    data = "\n".join(instructions.data.values())
    if obeyed := injected(instructions, f"{data}\n{message}"):
        return obeyed
    phrases = PHRASES[language_of(message) if "customers_language" in rules else instructions.language]
    if ABOUT_OTHERS.search(message):
        return phrases["decline"] if "secrecy" in rules else f"{instructions.text}\n{data}"
    if OFF_TOPIC.search(message):
        return phrases["decline"] if "decline" in rules else f"Sure, gladly: {message}"
    return _from_data(instructions, said, phrases)


def _from_data(instructions: Instructions, said: Sequence[str], phrases: Mapping[str, str]) -> str:
    records = dict(RECORD.findall(instructions.data.get("facts", "")))
    named = [number for text in reversed(said) for number in ORDER.findall(text)]
    if named:
        return _order(instructions, named[0], records.get(named[0], "not found"), phrases)
    memory = _memory(instructions.data.get("memories", ""), said[-1])
    if memory:
        return phrases["memory"].format(memory=figures(instructions, memory))
    if len(records) == 1 and re.search(r"pedido|order|entrega|deliver", said[-1], re.IGNORECASE):
        ((number, fields),) = records.items()
        return _order(instructions, number, fields, phrases)
    return phrases["no_records"] if "say_unknown" in instructions.rules else "It will all be fine by tomorrow."


def _order(instructions: Instructions, number: str, fields: str, phrases: Mapping[str, str]) -> str:
    if "records_only" not in instructions.rules:
        fields = "status=delivered, expected=tomorrow"
    if fields == "not found":
        if "say_unknown" in instructions.rules:
            return phrases["unknown"].format(id=number)
        fields = "status=shipped"
    spoken = ", ".join(field for field in fields.split(", ") if field.partition("=")[0] in SPOKEN)
    return phrases["order"].format(id=number, fields=figures(instructions, spoken))


def _memory(memories: str, question: str) -> str:
    """Return the memory with most words in common; "" where none has any."""
    asked = _stems(question)
    lines = [line.removeprefix("- ").rstrip(".") for line in memories.splitlines() if line.strip()]
    best = max(lines, key=lambda line: len(asked & _stems(line)), default="")
    return best if asked & _stems(best) else ""


def _stems(text: str) -> frozenset[str]:
    words = (word for word in re.findall(r"\w{4,}", text.casefold()) if word not in COMMON)
    return frozenset(word[:5] for word in words)
