"""Answers that were given before, so that nothing is paid twice: a file each, named by what it depends on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.evals.model import Answer, Message
from optimus_ops.system.atomic_write import atomic_write

FORMAT = 1
FIELDS = ("text", "finish_reason", "prompt_tokens", "completion_tokens", "cost", "prompt_version")


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer depends on.

    Args:
        endpoint: its address, or the program that it is.
        repeat: the how-manieth answer to the same messages it is.
    """

    endpoint: str
    model: str
    messages: tuple[Message, ...]
    repeat: int

    @property
    def key(self) -> str:
        """A name for it: the SHA-256 of all."""
        return self._digest(self.endpoint)

    @property
    def recorded_key(self) -> str:
        """A name for it in a recording, which is read where the endpoint has another address, or none."""
        return self._digest("")

    def _digest(self, endpoint: str) -> str:
        parts = [FORMAT, endpoint, self.model, [[each.role, each.content] for each in self.messages], self.repeat]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


class AnswerCache:
    """Answers in a folder. Errors are never kept; of what is kept the time that it took is not known any more.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def get(self, question: Question, max_age: float) -> Answer | None:
        """Return the answer, or None where there is none that is at most `max_age` seconds old."""
        try:
            found = json.loads(self._path(question).read_bytes())
            if self._clock() - found["at"] > max_age:
                return None
            return Answer(**{name: found[name] for name in FIELDS})
        except (OSError, ValueError, LookupError, TypeError):
            # One that was cut off, or that another version wrote, is asked again.
            return None

    def keep(self, question: Question, answer: Answer) -> None:
        """Keep an answer; OSError where it can't be written."""
        document = {"at": self._clock(), **{name: getattr(answer, name) for name in FIELDS}}
        # A crash of this process loses nothing; what a power cut damages is asked again.
        atomic_write(self._path(question), json.dumps(document, ensure_ascii=False), synced=False)

    def _path(self, question: Question) -> Path:
        key = question.key
        return self._folder / key[:2] / f"{key[2:]}.json"
