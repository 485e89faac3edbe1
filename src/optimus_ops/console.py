"""What a person sees while something runs: live on a terminal, plain lines on a pipe, never silent."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK_SECONDS = 1.0


@dataclass
class Progress:
    """One step that is under way.

    Args:
        title: what is done.
        started: when it began, of the monotonic clock.
        note: how far it is, set from the work itself ("1/3 healthy").
        complaints: what went wrong without being a reason to stop; each makes the whole change end with exit code 1.
    """

    title: str
    started: float = field(default_factory=time.monotonic)
    note: str = ""
    complaints: list[str] = field(default_factory=list)

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started


@dataclass(frozen=True)
class Console:
    """Where progress goes.

    Args:
        stream: standard output, or standard error where standard output carries a JSON document.
        live: whether the stream is a terminal that can redraw a line.
        colour: whether ANSI colours may be used (https://no-color.org).
    """

    stream: TextIO
    live: bool
    colour: bool

    @classmethod
    def for_stream(cls, stream: TextIO) -> Console:
        """Look at the stream and the environment (`NO_COLOR`, `TERM`)."""
        live = stream.isatty() and os.environ.get("TERM") != "dumb"
        return cls(stream=stream, live=live, colour=live and "NO_COLOR" not in os.environ)

    @classmethod
    def standard(cls, *, json: bool = False) -> Console:
        """Use standard output, or standard error when standard output is for a JSON document."""
        return cls.for_stream(sys.stderr if json else sys.stdout)

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(f"\r\033[K{text}" if self.live else text, file=self.stream, flush=True)

    def paint(self, text: str, code: str) -> str:
        """Colour a text with an SGR code such as `32` (green), where colours are welcome."""
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    @contextmanager
    def step(self, title: str, *, number: str = "") -> Iterator[Progress]:
        """Show a step while it runs: redrawn on a terminal, a line each second on a pipe, and its time at the end."""
        prefix = f"{number} " if number else ""
        mark, colour = "✗", "31"
        progress = Progress(title)
        try:
            with self._ticking(progress, prefix):
                yield progress
            mark, colour = "✓", "32"
        finally:
            note = f" · {progress.note}" if progress.note else ""
            self.say(f"{prefix}{self.paint(mark, colour)} {progress.title}{note} ({progress.elapsed:.1f} s)")

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Show what is waited for if it takes longer than a moment, and leave no trace of it on a terminal."""
        try:
            with self._ticking(Progress(title), ""):
                yield
        finally:
            if self.live:
                self.stream.write("\r\033[K")
                self.stream.flush()

    @contextmanager
    def _ticking(self, progress: Progress, prefix: str) -> Iterator[None]:
        finished = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(progress, prefix, finished), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            finished.set()
            ticker.join()

    def _tick(self, progress: Progress, prefix: str, finished: threading.Event) -> None:
        interval = 0.2 if self.live else TICK_SECONDS
        frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        count = 0
        while not finished.wait(interval):
            note = f" · {progress.note}" if progress.note else ""
            if self.live:
                frame = frames[count % len(frames)]
                width = _columns(self.stream) - 1
                line = f"{prefix}{frame} {progress.title}{note} ({progress.elapsed:.0f} s)"
                self.stream.write(f"\r\033[K{line[:width]}")
            else:
                self.stream.write(f"{prefix}… {progress.title}{note} ({progress.elapsed:.0f} s)\n")
            self.stream.flush()
            count += 1


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 80


def print_json(document: object) -> None:
    """Print the one JSON document of a task on standard output."""
    print(json.dumps(document, indent=2, default=str), flush=True)
