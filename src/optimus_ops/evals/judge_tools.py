"""The models that assertions ask: a judge, whose votes are kept, and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optimus_ops.evals.cache import Question
from optimus_ops.evals.collect import AnswerStore, Model
from optimus_ops.evals.endpoints import chat_api
from optimus_ops.evals.model import JudgeTools, Message, Unanswered
from optimus_ops.evals.platform import EvalPlatform
from optimus_ops.evals.recording import NothingAsked

VOTES_SECONDS = 365 * 86_400.0
"""A pinned judge says the same for a year."""


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
    """Asks, each thing once."""

    votes: AnswerStore
    judge: Model | None = None
    embedder: Callable[[str], Sequence[float]] | None = None
    _embedded: dict[str, Sequence[float]] = field(default_factory=dict)

    def embed(self, text: str) -> Sequence[float]:
        """Return the embedding of a text."""
        if self.embedder is None:
            return NoTools().embed(text)
        if text not in self._embedded:
            self._embedded[text] = self.embedder(text)
        return self._embedded[text]

    def ask_judge(self, messages: Sequence[Message]) -> str:
        """Return what the judge says."""
        if self.judge is None:
            return NoTools().ask_judge(messages)
        endpoint = self.judge.endpoint
        question = Question(endpoint.identity, endpoint.model, tuple(messages), 0)
        vote = self.votes.get(question, VOTES_SECONDS)
        if vote is None:
            vote = self.judge.ask(messages, "")
            self.votes.keep(question, vote)
        return vote.text


def judge_tools(platform: EvalPlatform, votes: AnswerStore, *, offline: bool) -> JudgeTools:
    """Return what the assertions of a project may ask; offline, a judge has the votes alone that are kept."""
    judge: Model | None = None
    if platform.judge:
        judge = NothingAsked(platform.judge) if offline else chat_api(platform.judge)
    return AskedTools(votes, judge, platform.embed)
