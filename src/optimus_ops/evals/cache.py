"""Answers that were given before, so that nothing is paid twice: in a SQLite database, by what they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.evals.model import Answer, Message
from optimus_ops.system.ignored_folder import make_ignored

FORMAT = 1
FIELDS = ("text", "finish_reason", "prompt_tokens", "completion_tokens", "cost", "prompt_version")
PRIVATE = 0o600
BUSY_SECONDS = 30.0
"""How long a run waits while another one writes."""
HINT = "where it is damaged, remove it: what it has is asked again"
SCHEMA = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL NOT NULL, answer TEXT NOT NULL)"


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
    """Answers in a file. Errors are never kept; of what is kept the time that it took is not known any more.

    Runs may share it, and threads. An answer that is kept is there after a crash of the process; after a power cut some
    may be missing, and are asked again.

    Args:
        clock: seconds since the epoch.

    Raises:
        OpsError: by each method, where the file can't be read or written.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, question: Question, max_age: float) -> Answer | None:
        """Return the answer, or None where there is none that is at most `max_age` seconds old."""
        rows = self._execute("SELECT at, answer FROM answers WHERE key = ?", (question.key,))
        try:
            (at, text), *_ = rows
            if self._clock() - at > max_age:
                return None
            found = json.loads(text)
            return Answer(**{name: found[name] for name in FIELDS})
        except (ValueError, LookupError, TypeError):
            # One that another version wrote is asked again.
            return None

    def keep(self, question: Question, answer: Answer) -> None:
        """Keep an answer."""
        text = json.dumps({name: getattr(answer, name) for name in FIELDS}, ensure_ascii=False)
        self._execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (question.key, self._clock(), text))

    def close(self) -> None:
        """Close the file, if it was opened."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _execute(self, statement: str, values: tuple[str | float, ...]) -> list[tuple[float, str]]:
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = self._open()
                return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise OpsError(f"{self._file}: kept answers can't be read or written: {error}", HINT) from error

    def _open(self) -> sqlite3.Connection:
        # Answers may hold what customers said: no commit has them, whatever the repository says.
        make_ignored(self._file.parent)
        # SQLite gives its other files the same permissions.
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, PRIVATE))
        # No transactions of several statements: each answer is there once it is kept.
        connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", SCHEMA):
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
