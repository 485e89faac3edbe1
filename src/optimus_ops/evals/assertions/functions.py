"""Assertions that are functions of the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from optimus_ops.evals.model import Answer, JudgeTools, Score
from optimus_ops.project.yaml_nodes import Node


@dataclass(frozen=True)
class PythonFunction:
    """A function takes the answer's text and returns whether it is right, or a score from 0 to 1."""

    name: str
    function: Callable[[str], object]

    @classmethod
    def parse(cls, node: Node) -> PythonFunction:
        """Read it from a suite: `module:function`, importable where `invoke` runs."""
        module, colon, name = node.text().partition(":")
        if not colon:
            raise node.error("a function is MODULE:NAME")
        try:
            function = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise node.error(f"no such function: {error}") from error
        return cls(node.text(), function)

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return what the function says; of one that fails, that it is missing."""
        try:
            value = float(self.function(answer.text))  # type: ignore[arg-type]  # whatever it returns
        except Exception as error:  # noqa: BLE001 - the project's own code
            return Score(None, f"{self.name} failed: {type(error).__name__}")
        if not 0 <= value <= 1:
            return Score(None, f"{self.name} returned {value:g}, which is no score")
        return Score(value, "" if value == 1 else f"{self.name} returned {value:g}")

    def __str__(self) -> str:
        return f"satisfies {self.name}"
