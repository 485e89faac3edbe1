"""Answers of a real provider in a file of the repository: offline, changes are judged by them.

A change that needs an answer which is not recorded can't be judged: that answer is missing, and is said to be.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.cache import FIELDS, Question
from optimus_ops.evals.model import Answer, Message, Unanswered
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.system.output_masking import masked

MOST_BYTES = 200_000_000
DAY = 86_400.0


@dataclass
class Recording:
    """Answers by the questions that they are to; stands in for the cache, and is never too old.

    Args:
        answers: what the file has, by the questions' keys.
        used: keys that were asked for and found; `missing`, those that were not found.
    """

    answers: Mapping[str, Mapping[str, Any]]
    used: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path, shown: str) -> Recording:
        """Read a recording.

        Raises:
            Refused: there is none, or a line of it is none.
        """
        try:
            if path.stat().st_size > MOST_BYTES:
                raise Refused(f"{shown}: more than {MOST_BYTES:,} bytes")
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{shown}: can't be read: {error}", "record it: invoke evals.record FILE") from error
        return cls(dict(_entries(lines, shown)))

    def get(self, question: Question, _max_age: float) -> Answer | None:
        """Return the recorded answer."""
        found = self.answers.get(question.recorded_key)
        if found is None:
            self.missing.add(question.key)
            return None
        self.used.add(question.recorded_key)
        return Answer(**{name: found[name] for name in FIELDS})

    def keep(self, question: Question, answer: Answer) -> None:
        """Do nothing: what is recorded is kept already, and nothing else is asked."""

    def coverage(self, now: Callable[[], float] = time.time) -> str:
        """Return how many of the wanted answers are there, how old these are, and how many nobody wants any more."""
        times = [self.answers[key]["at"] for key in self.used]
        ages = [f"{(now() - at) / DAY:.0f}" for at in (max(times), min(times))] if times else []
        aged = f", {' to '.join(dict.fromkeys(ages))} days old" if ages else ""
        unused = len(self.answers) - len(self.used)
        wanted = f"{len(self.used):,} of {len(self.used) + len(self.missing):,} answers are recorded{aged}"
        return f"{wanted}; {unused:,} others are not asked for" if unused else wanted


@dataclass(frozen=True)
class NothingAsked:
    """The model of a recording: what is not recorded has no answer."""

    endpoint: ModelEndpoint

    def ask(self, _messages: Sequence[Message], _tenant: str) -> Answer:
        """Raise `Unanswered`."""
        raise Unanswered("not recorded: the change needs new answers")

    def stop(self) -> None:
        """Nothing is under way."""


@dataclass
class Recorder:
    """Collects answers to be recorded, free of values that are secrets here.

    Args:
        clock: seconds since the epoch.
    """

    clock: Callable[[], float] = time.time
    _lines: dict[str, str] = field(default_factory=dict)

    def add(self, question: Question, answer: Answer) -> None:
        """Take an answer."""
        fields = asdict(replace(answer, seconds=None, text=masked(answer.text)))
        document = {"key": question.recorded_key, "at": round(self.clock()), **{name: fields[name] for name in FIELDS}}
        self._lines[question.recorded_key] = json.dumps(document, ensure_ascii=False, sort_keys=True)

    def write(self, path: Path) -> int:
        """Write the file, in an order that keeps its differences small; return how many answers it has."""
        atomic_write(path, "".join(f"{self._lines[key]}\n" for key in sorted(self._lines)), 0o644)
        return len(self._lines)


def _entries(lines: list[str], shown: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
            key, _ = str(found["key"]), float(found["at"])
            Answer(**{name: found[name] for name in FIELDS})
        except (ValueError, LookupError, TypeError) as error:
            raise Refused(f"{shown}:{number}: no recorded answer") from error
        yield key, found
