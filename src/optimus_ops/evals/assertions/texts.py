"""Assertions about the words of an answer."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from optimus_ops.evals.model import PASSED, Answer, JudgeTools, Score
from optimus_ops.project.yaml_nodes import Node

MOST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Exact:
    """The answer is this text, but for white space around it."""

    text: str

    @classmethod
    def parse(cls, node: Node) -> Exact:
        """Read it from a suite."""
        return cls(node.text())

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0."""
        found = answer.text.strip()
        return PASSED if found == self.text.strip() else Score(0.0, f"is {shortened(found)!r}")

    def __str__(self) -> str:
        return f"is {shortened(self.text)!r}"


@dataclass(frozen=True, slots=True)
class Contains:
    """The answer has each of these texts, whatever their case and white space."""

    texts: tuple[str, ...]

    @classmethod
    def parse(cls, node: Node) -> Contains:
        """Read it from a suite: one text or a list."""
        return cls(texts_of(node))

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0, and what is missing."""
        text = folded(answer.text)
        missing = [each for each in self.texts if folded(each) not in text]
        return Score(0.0, f"lacks {missing[0]!r}") if missing else PASSED

    def __str__(self) -> str:
        return "contains " + ", ".join(repr(each) for each in self.texts)


@dataclass(frozen=True, slots=True)
class NotContains:
    """The answer has none of these texts, whatever their case and white space; canaries are such."""

    texts: tuple[str, ...]

    @classmethod
    def parse(cls, node: Node) -> NotContains:
        """Read it from a suite: one text or a list."""
        return cls(texts_of(node))

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0, and what is there."""
        text = folded(answer.text)
        there = [each for each in self.texts if folded(each) in text]
        return Score(0.0, f"has {there[0]!r}") if there else PASSED

    def __str__(self) -> str:
        return "has nothing of " + ", ".join(repr(each) for each in self.texts)


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression is found in the answer."""

    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, node: Node) -> Matches:
        """Read it from a suite; raise `YamlError` where it is no regular expression."""
        try:
            return cls(re.compile(node.text()))
        except re.error as error:
            raise node.error(f"not a regular expression: {error}") from error

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0."""
        return PASSED if self.pattern.search(answer.text) else Score(0.0, f"nothing matches {self.pattern.pattern!r}")

    def __str__(self) -> str:
        return f"matches {self.pattern.pattern!r}"


def texts_of(node: Node) -> tuple[str, ...]:
    """Return one text or the texts of a list; raise `YamlError` for none."""
    texts = tuple(item.text() for item in node) if isinstance(node.value, list) else (node.text(),)
    if not texts or not all(text.strip() for text in texts):
        raise node.error("at least one text is expected, and none is empty")
    return texts


def folded(text: str) -> str:
    """Return a text as it is compared: without differences of case, white space, and ways to write a character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shortened(text: str) -> str:
    """Return a text that fits into a line."""
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
