"""Suites, cases, and the answers that are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from optimus_ops.reports.place import Place

CORRECT = "correct"
"""The metric of assertions that name none."""
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the conversation that is sent."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model gave back.

    Args:
        seconds: from the request to the last byte; None where the answer comes from the cache.
        cost: US dollars; None where the prices are not known.
        finish_reason: `stop`, or `length` where it was cut.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float | None = None
    cost: float | None = None
    prompt_version: str = ""


class Unanswered(Exception):  # noqa: N818 - what there was
    """There is no answer: what depends on it is missing. The text says why and quotes no content."""


@dataclass(frozen=True, slots=True)
class Score:
    """What an assertion says of an answer.

    Args:
        value: from 0 to 1; None where it can't be judged, which is missing and not zero.
        found: for people: what is wrong, or why it can't be judged; "" where nothing is.
    """

    value: float | None
    found: str = ""


PASSED = Score(1.0)


class JudgeTools(Protocol):
    """What assertions need beside the answer: other models, each asked once for the same."""

    def embed(self, text: str) -> Sequence[float]:
        """Return the embedding of a text; raise `Unanswered` where there is none."""

    def ask_judge(self, messages: Sequence[Message]) -> str:
        """Return what the judge says; raise `Unanswered` where it says nothing."""


class Assertion(Protocol):
    """What an answer has to be."""

    def judge(self, answer: Answer, tools: JudgeTools) -> Score:
        """Return the score of an answer."""

    def __str__(self) -> str:
        """Return what is wanted, for people: `contains 'Entregue'`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An assertion of a case, the metric that it counts for, and whether it is one that may never fail."""

    assertion: Assertion
    metric: str = CORRECT
    invariant: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what its answer has to be.

    Args:
        reason: why the case is there.
        prompt: name of the prompt that it is for; "" sends the messages as they are.
        cluster: cases that stand or fall together; "" for one by itself.
        source: where it is from, such as `written` or `production`.
    """

    id: str
    place: Place
    reason: str
    messages: tuple[Message, ...]
    expectations: tuple[Expectation, ...]
    prompt: str = ""
    variables: Variables = field(default_factory=dict)
    tenant: str = ""
    locale: str = ""
    cluster: str = ""
    tags: tuple[str, ...] = ()
    source: str = "written"


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that are judged together.

    Args:
        blocking: metrics that the gate holds against a candidate, at most three; others are told.
        digest: of the file: results of another version can't be compared.
    """

    name: str
    summary: str
    cases: tuple[Case, ...]
    blocking: tuple[str, ...] = (CORRECT,)
    digest: str = ""


def metric_name(name: str, metric: str) -> str:
    """Return what a metric of a suite or a case is called: its name alone where it is the usual one."""
    return name if metric == CORRECT else f"{name}: {metric}"
