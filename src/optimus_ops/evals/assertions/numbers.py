"""Assertions about numbers in an answer, and about what the answer took."""

from __future__ import annotations

import re
from dataclasses import dataclass

from optimus_ops.evals.model import PASSED, Answer, JudgeTools, Score
from optimus_ops.project.yaml_nodes import Node

NUMBER = re.compile(r"(?<![\w.,])[-+]?\d[\d.,]*")
GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
BUDGETS = {"seconds": "s", "cost": "USD", "completion_tokens": "tokens"}


@dataclass(frozen=True, slots=True)
class HasNumber:
    """A number of the answer is this one, within a tolerance; 1.234,50 and 1,234.50 are the same."""

    value: float
    within: float = 0.0

    @classmethod
    def parse(cls, node: Node) -> HasNumber:
        """Read it from a suite: a number, or `{value: 129.9, within: 0.01}`."""
        if not isinstance(node.value, dict):
            return cls(_number(node))
        keys = node.known_items(("value", "within"), "number")
        if "value" not in keys:
            raise node.error("number needs the key 'value'")
        return cls(_number(keys["value"]), _number(keys["within"]) if "within" in keys else 0.0)

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0, and the numbers that are there."""
        found = numbers_in(answer.text)
        if any(abs(each - self.value) <= self.within + 1e-9 for each in found):
            return PASSED
        return Score(
            0.0, "has the numbers " + ", ".join(f"{each:g}" for each in found[:5]) if found else "has no number"
        )

    def __str__(self) -> str:
        return f"has the number {self.value:g}" + (f" ± {self.within:g}" if self.within else "")


@dataclass(frozen=True, slots=True)
class Budget:
    """The answer took at most so many seconds, US dollars or tokens.

    Of an answer from the cache the time is not known: that is missing, and neither good nor bad.
    """

    figure: str
    most: float

    @classmethod
    def seconds(cls, node: Node) -> Budget:
        """Read `latency: 2.5`, in seconds."""
        return cls("seconds", _number(node))

    @classmethod
    def cost(cls, node: Node) -> Budget:
        """Read `cost: 0.002`, in US dollars."""
        return cls("cost", _number(node))

    @classmethod
    def tokens(cls, node: Node) -> Budget:
        """Read `tokens: 200`, of the answer."""
        return cls("completion_tokens", _number(node))

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0, or that it can't be known."""
        took: float | None = getattr(answer, self.figure)
        if took is None:
            return Score(None, f"{self.figure} is not known of this answer")
        return PASSED if took <= self.most else Score(0.0, f"took {took:g} {BUDGETS[self.figure]}")

    def __str__(self) -> str:
        return f"takes at most {self.most:g} {BUDGETS[self.figure]}"


def numbers_in(text: str) -> list[float]:
    """Return the numbers of a text, with the point or the comma as the mark of decimals."""
    return [_value(found.group().rstrip(".,")) for found in NUMBER.finditer(text)]


def _value(text: str) -> float:
    mark = max(text.rfind("."), text.rfind(","))
    whole, decimals = (text, "") if mark < 0 else (text[:mark], text[mark + 1 :])
    # 1.234 is a thousand where nothing but groups of three is there: 1,234,567 and 12.500.
    if GROUPED.fullmatch(text.lstrip("+-")) and len(set(re.findall(r"[.,]", text))) == 1:
        whole, decimals = text, ""
    return float(re.sub(r"[.,]", "", whole) + (f".{decimals}" if decimals else ""))


def _number(node: Node) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise node.error("a number is expected here")
    return float(node.value)
