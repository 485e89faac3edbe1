"""Where everything goes that tools say while images are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Log:
    """A file for every line, and the way to tell in a few words what is under way."""

    path: Path
    report: Callable[[str], None]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, text: str) -> None:
        """Append a line."""
        with self.lock, self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")

    def telling(self, essence: Callable[[str], str | None]) -> Callable[[str], None]:
        """Return what appends a line and reports its essence, if it has one."""

        def line(text: str) -> None:
            self.line(text)
            if (told := essence(text)) is not None:
                self.report(told)

        return line


def new_log(folder: Path, subject: str) -> Path:
    """Return the path of a new log in a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{subject}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.log"
