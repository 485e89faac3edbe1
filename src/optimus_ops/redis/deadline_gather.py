"""Parallel questions with one deadline for all; a question that hangs is abandoned."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


def gather_within(
    seconds: float,
    questions: Mapping[Key, Callable[[], Answer]],
    *,
    late: Callable[[Key], Answer],
    note: Callable[[str], None] = lambda _text: None,
) -> dict[Key, Answer]:
    """Return the answer of each question, in their order; `late` makes those that did not come in time.

    Each has a daemon thread of its own: one that hangs in the resolver, or on a socket that drips bytes, keeps no
    process from ending. `note` is told the progress ("3/6").
    """
    answers: queue.SimpleQueue[tuple[Key, Answer | None, BaseException | None]] = queue.SimpleQueue()

    def answer(key: Key, question: Callable[[], Answer]) -> None:
        try:
            answers.put((key, question(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where the answers are waited for
            answers.put((key, None, error))

    for key, question in questions.items():
        threading.Thread(target=answer, args=(key, question), daemon=True).start()
    until = time.monotonic() + seconds
    found: dict[Key, Answer] = {}
    while len(found) < len(questions):
        note(f"{len(found)}/{len(questions)}")
        try:
            key, made, error = answers.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            break
        if error is not None:
            raise error
        found[key] = made  # type: ignore[assignment]  # there is an answer where there is no error
    note(f"{len(found)}/{len(questions)}")
    return {key: found[key] if key in found else late(key) for key in questions}
