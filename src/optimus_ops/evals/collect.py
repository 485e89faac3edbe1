"""Collecting answers, several at once: from the cache where it has them, else from the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from optimus_ops.evals.cache import Question
from optimus_ops.evals.chat_api import BadKey
from optimus_ops.evals.model import Answer, Message, Unanswered
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.evals.prompts import RenderedCase


class AnswerStore(Protocol):
    """Answers that were given before."""

    def get(self, question: Question, max_age: float) -> Answer | None:
        """Return an answer that is at most so many seconds old."""

    def keep(self, question: Question, answer: Answer) -> None:
        """Keep an answer."""


class Model(Protocol):
    """What answers."""

    @property
    def endpoint(self) -> ModelEndpoint:
        """What it is."""

    def ask(self, messages: Sequence[Message], tenant: str) -> Answer:
        """Return an answer; raise `BadKey` or `Unanswered`."""

    def stop(self) -> None:
        """Cut what is under way."""


Ticket = tuple[str, str, int]
"""Arm, case and repeat."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An answer that is wanted: of which arm, to which case, for the how-manieth time; not older than that, in s."""

    arm: str
    rendered: RenderedCase
    repeat: int
    max_age: float

    @property
    def ticket(self) -> Ticket:
        """What it is known by."""
        return self.arm, self.rendered.case.id, self.repeat


@dataclass(frozen=True, slots=True)
class Collected:
    """An answer, or why there is none.

    Args:
        cached: whether nothing was asked.
    """

    answer: Answer | None
    error: str = ""
    cached: bool = False


class Budget:
    """US dollars that may be spent; None for no bound."""

    def __init__(self, most: float | None) -> None:
        self._most = most
        self.spent = 0.0

    @property
    def reached(self) -> bool:
        """Whether nothing more may be asked."""
        return self._most is not None and self.spent >= self._most


@dataclass
class Collector:
    """Collects answers.

    Args:
        arms: an endpoint for each arm.
        workers: requests at once.
        note: is told how many answers are there, and how many are wanted.
        asked: how many answers were given by now, and `kept`, how many had been before.
    """

    arms: Mapping[str, Model]
    cache: AnswerStore
    budget: Budget
    workers: int
    note: Callable[[int, int], None] = lambda _done, _all: None
    asked: int = 0
    kept: int = 0

    def collect(self, wanted: Sequence[Wanted]) -> dict[Ticket, Collected]:
        """Return an answer, or why there is none, for each; the arms' in turn, so that a slow moment is both's.

        Where both sides ask the same they get the same answer: what didn't change can't differ.

        Raises:
            BadKey: an endpoint refuses its key.
        """
        questions = {each.ticket: self.question(each) for each in wanted}
        found: dict[Question, Collected] = {}
        to_ask: dict[Question, Wanted] = {}
        for each in wanted:
            question = questions[each.ticket]
            if question in found or question in to_ask:
                continue
            # A program that always answers the same is asked each time: it may have changed itself.
            cached = None if self._repeatable(each) else self.cache.get(question, each.max_age)
            if cached is None:
                to_ask[question] = each
            else:
                found[question] = Collected(cached, cached=True)
        total = len(found) + len(to_ask)
        self.kept += len(found)
        self.note(len(found), total)
        if to_ask:
            self._ask_all(to_ask, found, total)
        return {ticket: found[question] for ticket, question in questions.items()}

    def _ask_all(self, to_ask: Mapping[Question, Wanted], found: dict[Question, Collected], total: int) -> None:
        waiting = iter(to_ask.items())
        running: dict[Future[Collected], Question] = {}
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="evals")
        try:
            while True:
                for question, each in waiting:
                    if self.budget.reached:
                        found[question] = Collected(None, "not asked: the budget is reached")
                        continue
                    running[pool.submit(self._ask, each, question)] = question
                    if len(running) >= self.workers:
                        break
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(found, running.pop(future), future.result())
                self.note(len(found), total)
        except BaseException:
            for model in self.arms.values():
                model.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _take(self, found: dict[Question, Collected], question: Question, collected: Collected) -> None:
        found[question] = collected
        if collected.answer:
            self.asked += 1
            self.budget.spent += collected.answer.cost or 0.0

    def _ask(self, wanted: Wanted, question: Question) -> Collected:
        try:
            answer = self.arms[wanted.arm].ask(wanted.rendered.messages, wanted.rendered.case.tenant)
        except BadKey:
            raise
        except Unanswered as error:
            return Collected(None, str(error))
        answer = replace(answer, prompt_version=wanted.rendered.prompt_version)
        if not self._repeatable(wanted):
            # At once: what is paid for is not lost by a crash.
            self.cache.keep(question, answer)
        return Collected(answer)

    def _repeatable(self, wanted: Wanted) -> bool:
        return self.arms[wanted.arm].endpoint.deterministic

    def question(self, wanted: Wanted) -> Question:
        """Return what an answer depends on."""
        endpoint = self.arms[wanted.arm].endpoint
        return Question(endpoint.identity, endpoint.model, wanted.rendered.messages, wanted.repeat)
