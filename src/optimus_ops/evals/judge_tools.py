"""The models that assertions ask: a judge, whose votes are collected as answers are, and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from optimus_ops.evals.assertions.models import Rubric
from optimus_ops.evals.collect import Collected, Collector, Wanted
from optimus_ops.evals.model import Answer, Case, Message, Unanswered
from optimus_ops.evals.prompts import RenderedCase
from optimus_ops.reports.place import Place

JUDGE = "judge"
VOTES_SECONDS = 365 * 86_400.0
"""A pinned judge says the same for a year."""
VOTE = Case("", Place(""), "", (), ())
"""What votes are for, in place of a case: no tenant's key is used for them."""


class NoTools:
    """No models beside the one that is judged."""

    def embed(self, _text: str) -> Sequence[float]:
        """Raise `Unanswered`."""
        raise Unanswered("the project names no embeddings")

    def ask_judge(self, _messages: Sequence[Message]) -> str:
        """Raise `Unanswered`."""
        raise Unanswered("the project names no judge")


@dataclass
class AskedTools:
    """Asks, each thing once.

    Args:
        votes: collects what the judge says; None where there is no judge.
    """

    votes: Collector | None = None
    embedder: Callable[[str], Sequence[float]] | None = None
    _embedded: dict[str, Sequence[float]] = field(default_factory=dict)
    _voted: dict[tuple[Message, ...], Collected] = field(default_factory=dict)

    def prepare(self, answers: Iterable[tuple[Case, Answer]]) -> None:
        """Collect all votes that answers need, several at once."""
        if self.votes is None:
            return
        new = dict.fromkeys(each for each in votes_of(answers) if each not in self._voted)
        wanted = {each: Wanted(JUDGE, RenderedCase(VOTE, each), 0, VOTES_SECONDS) for each in new}
        found = self.votes.collect_each(list(wanted.values()))
        self._voted.update(zip(wanted, found, strict=True))

    def embed(self, text: str) -> Sequence[float]:
        """Return the embedding of a text."""
        if self.embedder is None:
            return NoTools().embed(text)
        if text not in self._embedded:
            self._embedded[text] = self.embedder(text)
        return self._embedded[text]

    def ask_judge(self, messages: Sequence[Message]) -> str:
        """Return what the judge says."""
        if self.votes is None:
            return NoTools().ask_judge(messages)
        vote = self._voted.get(tuple(messages), Collected(None, "was not asked"))
        if vote.answer is None:
            raise Unanswered(f"the judge: {vote.error}")
        return vote.answer.text


def votes_of(answers: Iterable[tuple[Case, Answer]]) -> Iterator[tuple[Message, ...]]:
    """Give what a judge is asked about answers."""
    for case, answer in answers:
        for expectation in case.expectations:
            if isinstance(expectation.assertion, Rubric):
                yield from expectation.assertion.questions(answer.text)
