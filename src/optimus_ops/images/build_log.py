"""Output of builds: every line in a log, and what is under way in a few words."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

STEP = re.compile(r"#(?P<number>\d+) \[(?P<stage>[^\]]+ \d+/\d+)\] (?P<doing>\w+)")
PACKAGE = re.compile(r"#(?P<number>\d+) [\d.]+ (?P<doing>Unpacking|Setting up) (?P<name>[^ :]+)")
EXPORT = re.compile(r"#\d+ naming to (?:docker\.io/)?(?P<image>\S+)")


@dataclass(frozen=True)
class Log:
    """A file for every line, and the way to tell in a few words what is under way."""

    path: Path
    report: Callable[[str], None]
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def new(cls, folder: Path, subject: str, report: Callable[[str], None]) -> Self:
        """Return a new log in a folder, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{subject}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.log", report)

    def line(self, text: str) -> None:
        """Append a line."""
        with self.lock, self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")

    def summarized(self, summarize: Callable[[str], str | None]) -> Callable[[str], None]:
        """Return what appends a line, and reports its summary if it has one."""

        def line(text: str) -> None:
            self.line(text)
            if (summary := summarize(text)) is not None:
                self.report(summary)

        return line


def buildkit_progress() -> Callable[[str], str | None]:
    """Return a reader of BuildKit's plain progress: for a line, what is under way now; None if the line doesn't say.

    `#9 [postgres 2/4] RUN apt-get …` gives `postgres 2/4 RUN`, and `#9 4.31 Setting up libpq5:amd64 …` after it
    `postgres 2/4: setting up libpq5`.
    """
    stages: dict[str, str] = {}

    def summarize(line: str) -> str | None:
        if match := STEP.match(line):
            stages[match["number"]] = match["stage"]
            return f"{match['stage']} {match['doing']}"
        if match := PACKAGE.match(line):
            return f"{stages.get(match['number'], 'packages')}: {match['doing'].lower()} {match['name']}"
        if match := EXPORT.match(line):
            return f"{match['image']} is made"
        return None

    return summarize
