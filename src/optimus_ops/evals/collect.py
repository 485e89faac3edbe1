"""Collecting answers, several at once: from the cache where it has them, else from the endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol

from optimus_ops.errors import Interrupted
from optimus_ops.evals.cache import Question
from optimus_ops.evals.chat_api import BadKey
from optimus_ops.evals.model import Answer, Message, Unanswered
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.evals.prompts import RenderedCase
from optimus_ops.system.signals import handled_by

LOOK_SECONDS = 0.2
"""How often a run looks whether it was interrupted."""
GRACE_SECONDS = 15.0
"""How long answers that are under way are waited for after an interruption."""


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


class Limits:
    """When a run asks nothing more: after so many US dollars (None for no bound), and after an interruption."""

    def __init__(self, most: float | None = None) -> None:
        self._most = most
        self.spent = 0.0
        self.interruption: Interrupted | None = None

    @property
    def reached(self) -> str:
        """Why nothing more is asked; "" where something may be."""
        if self.interruption:
            return "not asked: the run was interrupted"
        return "not asked: the budget is reached" if self._most is not None and self.spent >= self._most else ""

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the first SIGINT or SIGTERM end asking, and the second one everything."""

        def interrupt(number: int, _frame: object) -> None:
            if self.interruption:
                raise self.interruption
            self.interruption = Interrupted(number)

        with handled_by(interrupt):
            yield


@dataclass
class Collector:
    """Collects answers.

    Args:
        arms: an endpoint for each arm.
        workers: requests at once.
        note: is told how many answers are there, and how many are wanted.
        say: is told what people should know meanwhile.
        asked: how many answers were given by now, and `kept`, how many had been before.
    """

    arms: Mapping[str, Model]
    cache: AnswerStore
    limits: Limits
    workers: int
    note: Callable[[int, int], None] = lambda _done, _all: None
    say: Callable[[str], None] = lambda _text: None
    asked: int = 0
    kept: int = 0

    def collect(self, wanted: Sequence[Wanted]) -> dict[Ticket, Collected]:
        """Return an answer, or why there is none, for each; the arms' in turn, so that a slow moment is both's.

        Where both sides ask the same they get the same answer: what didn't change can't differ.

        Raises:
            BadKey: an endpoint refuses its key.
        """
        return {each.ticket: found for each, found in zip(wanted, self.collect_each(wanted), strict=True)}

    def collect_each(self, wanted: Sequence[Wanted]) -> list[Collected]:
        """Return what `collect` does, in the order of what is wanted."""
        questions = [self.question(each) for each in wanted]
        found: dict[Question, Collected] = {}
        to_ask: dict[Question, Wanted] = {}
        for each, question in zip(wanted, questions, strict=True):
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
        return [found[question] for question in questions]

    def _ask_all(self, to_ask: Mapping[Question, Wanted], found: dict[Question, Collected], total: int) -> None:
        waiting = iter(to_ask.items())
        done: SimpleQueue[tuple[Question, Future[Collected]]] = SimpleQueue()
        running = 0
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="evals")
        try:
            while True:
                while running < self.workers and not self.limits.reached and (following := next(waiting, None)):
                    question, each = following
                    future = pool.submit(self._ask, each, question)
                    future.add_done_callback(partial(_put, done, question))
                    running += 1
                if not running:
                    break
                question, future = self._next(done)
                running -= 1
                self._take(found, question, future.result())
                self.note(len(found), total)
            found.update({question: Collected(None, self.limits.reached) for question, _ in waiting})
        except BaseException:
            self._stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _next(self, done: SimpleQueue[tuple[Question, Future[Collected]]]) -> tuple[Question, Future[Collected]]:
        """Return what is done next; after an interruption, what is under way has a while: it is paid for."""
        until: float | None = None
        while True:
            with suppress(Empty):
                return done.get(timeout=LOOK_SECONDS)
            if self.limits.interruption:
                if until is None:
                    until = time.monotonic() + GRACE_SECONDS
                    self.say(f"interrupted: answers under way are waited for, {GRACE_SECONDS:g} s at most")
                if time.monotonic() >= until:
                    self._stop()

    def _stop(self) -> None:
        for model in self.arms.values():
            model.stop()

    def _take(self, found: dict[Question, Collected], question: Question, collected: Collected) -> None:
        found[question] = collected
        if collected.answer:
            self.asked += 1
            self.limits.spent += collected.answer.cost or 0.0

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


def _put(done: SimpleQueue[tuple[Question, Future[Collected]]], question: Question, future: Future[Collected]) -> None:
    done.put((question, future))
