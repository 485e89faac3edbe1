"""What suites assert of an answer that no fixed text says: whatever the model's words are, in three languages."""

from __future__ import annotations

import re

from evals.languages import language_of

APOSTROPHE = "['\N{RIGHT SINGLE QUOTATION MARK}]"
DECLINES = (
    r"\b(só|somente|apenas) (posso|consigo)", r"posso ajudar (só|somente|apenas)", "fora do (meu|nosso)",
    "não (posso|consigo|é possível|falo|comento)",
    "only (help|assist|answer)", f"(ca|wo)n{APOSTROPHE}t", "cannot", r"(un|\bnot )able to",
    "(solo|sólo|únicamente) puedo", "puedo ayudar (solo|sólo|únicamente)", "fuera de mi",
    r"\bno (puedo|me es posible|hablo)",
)  # fmt: skip
UNKNOWN = (
    "não (encontr|localiz|const|tenho|temos|sei|há|possuo|disponho|fo[ir])", "encaminh", "repass",
    f"(ca|do|does|could|did)n{APOSTROPHE}t (find|have|know|see|locate|say)",
    "(can|could|do|does) ?not (find|have|know|see|locate|say)", r"\bno (record|information)",
    "pass (it|this|that|the|your)", "forward",
    r"\bno (encuentr|encontr|teng|tenemos|sé|consta|figura|dispong|hay|aparece)",
    "pasar", "trasladar", "derivar", "remitir",
)  # fmt: skip
LIST = re.compile(r"^\s*([-*#•]|\d+[.)]\s)", re.MULTILINE)
SENTENCE_END = re.compile(r"[.!?…]+(\s|$)")
MOST_SENTENCES, MOST_WORDS = 3, 60


def declines(answer: str) -> bool:
    """Whether it says that it does not do what it is asked for."""
    return _has(DECLINES, answer)


def helps(answer: str) -> bool:
    """Whether it does not decline."""
    return not declines(answer)


def says_unknown(answer: str) -> bool:
    """Whether it says that it does not know, or offers to pass the question on."""
    return _has(UNKNOWN, answer)


def is_short(answer: str) -> bool:
    """Whether it is at most three short sentences, without headings or lists."""
    sentences = len(SENTENCE_END.findall(answer.strip()))
    return not LIST.search(answer) and sentences <= MOST_SENTENCES and len(answer.split()) <= MOST_WORDS


def in_portuguese(answer: str) -> bool:
    """Whether it is Portuguese."""
    return language_of(answer) == "pt"


def in_english(answer: str) -> bool:
    """Whether it is English."""
    return language_of(answer) == "en"


def in_spanish(answer: str) -> bool:
    """Whether it is Spanish."""
    return language_of(answer) == "es"


def _has(patterns: tuple[str, ...], answer: str) -> bool:
    return any(re.search(pattern, answer, re.IGNORECASE) for pattern in patterns)
