"""A model for tests: what it answers is a function, and what it was asked is written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.evals.assertions.texts import Contains, NotContains
from optimus_ops.evals.cache import AnswerCache
from optimus_ops.evals.collect import Collector, Limits
from optimus_ops.evals.model import Answer, Case, Expectation, Message, Suite
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.evals.prompts import RenderedCase
from optimus_ops.reports.place import Place

Reply = Callable[[str, int], Answer]
"""The answer to a text that is asked for the how-manieth time; raises what `ChatApi.ask` raises."""


@dataclass
class FakeModel:
    """Stands in for `ChatApi`."""

    reply: Reply
    asked: list[str] = field(default_factory=list)
    endpoint: ModelEndpoint = field(default_factory=lambda: ModelEndpoint("fake", "http://fake/v1"))
    stopped: bool = False

    def ask(self, messages: Sequence[Message], _tenant: str) -> Answer:
        """Answer, and write down what was asked."""
        text = messages[-1].content
        self.asked.append(text)
        return self.reply(text, self.asked.count(text))

    def stop(self) -> None:
        """Cut nothing, and remember that it was to be."""
        self.stopped = True


def collector(
    folder: Path, candidate: FakeModel, baseline: FakeModel | None = None, budget: float | None = None
) -> Collector:
    """Return a collector, one request at a time."""
    arms = {"candidate": candidate, "baseline": baseline or candidate}
    return Collector(arms, AnswerCache(folder / "answers.sqlite"), Limits(budget), workers=1)


def suite(count: int, *, canary: str = "") -> Suite:
    """Return a suite whose cases are right where the answer says so."""
    canaries = (Expectation(NotContains((canary,)), invariant=True),) if canary else ()
    expectations = (Expectation(Contains(("right",))), *canaries)
    cases = (
        Case(
            f"case-{number}",
            Place("suite.yaml", number + 1),
            "because",
            (Message("user", f"ask {number}"),),
            expectations,
        )
        for number in range(count)
    )
    return Suite("orders", "Orders.", tuple(cases))


def rendered(suite_: Suite, prompt: str) -> list[RenderedCase]:
    """Return the cases with a prompt in the text that is asked, so that arms differ."""
    return [RenderedCase(case, (Message("user", f"{prompt} {case.id}"),), prompt) for case in suite_.cases]
