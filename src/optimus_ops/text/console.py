"""Progress for people: live on a terminal, plain lines on a pipe, never silent."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from optimus_ops.errors import Refused
from optimus_ops.system.output_masking import masked, masked_document
from optimus_ops.text.layout import PIPE_COLUMNS, terminal_columns, wrapped

PATIENCE_SECONDS = 1.0
TICK_SECONDS = 10.0
TICK_VARIABLE = "OPTIMUS_PROGRESS_SECONDS"
"""Names the seconds between lines about a step on a pipe."""
LEAST_TICK, MOST_TICK = 0.1, 3600.0
EARLY_TICKS = 6
"""After so many lines about a step on a pipe, they are as many times farther apart: each minute after the first one."""
DETAIL_COLUMNS = 100
LIVE_TICK_SECONDS = 0.2
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """One step that is under way; its listener is called with each new note and detail.

    A detail is what is being done just now, shown in place of the note until the step ends. Each complaint, something
    that went wrong without being a reason to stop, makes the whole change end with exit code 1.
    """

    def __init__(self, title: str, listener: Callable[[str], None] = lambda _text: None) -> None:
        """Start the step's time."""
        self.title = title
        self.started = time.monotonic()
        self.detail = ""
        self.complaints: list[str] = []
        self._listener = listener
        self._note = ""

    @property
    def note(self) -> str:
        """How far it is, set from the work itself ("1/3 healthy"); it stays behind the title at the end."""
        return self._note

    @note.setter
    def note(self, text: str) -> None:
        if text != self._note:
            self._note = text
            self._listener(text)

    def show(self, text: str) -> None:
        """Show what is being done just now, such as a line of a tool that runs."""
        # Masked first: what is cut isn't recognised any more.
        detail = masked(text.strip())
        self.detail = f"{detail[: DETAIL_COLUMNS - 1]}…" if len(detail) > DETAIL_COLUMNS else detail
        self._listener(self.detail)

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started


@dataclass(frozen=True)
class Console:
    """The output of a task for people. A stream that is closed is no reason to stop: that is reported at its end.

    Args:
        live: whether the stream is a terminal that can redraw a line.
        colour: whether ANSI colours may be used (https://no-color.org).
        groups: whether a step's lines are folded into a group, as the log of GitHub Actions can.
        patience: seconds after which a step is named on a pipe; one that ends sooner gets its last line alone.
        tick: seconds between the first lines about a step on a pipe.
    """

    stream: TextIO
    live: bool
    colour: bool
    groups: bool = False
    patience: float = PATIENCE_SECONDS
    tick: float = TICK_SECONDS

    @classmethod
    def for_stream(cls, stream: TextIO) -> Console:
        """Return the console of a stream; reads `NO_COLOR`, `TERM`, `GITHUB_ACTIONS` and `OPTIMUS_PROGRESS_SECONDS`."""
        live = stream.isatty() and os.environ.get("TERM") != "dumb"
        groups = not live and os.environ.get("GITHUB_ACTIONS") == "true"
        colour, tick = live and "NO_COLOR" not in os.environ, _tick_seconds(os.environ.get(TICK_VARIABLE, ""))
        return cls(stream, live, colour, groups, patience=min(tick, PATIENCE_SECONDS), tick=tick)

    @classmethod
    def standard(cls, *, json: bool = False) -> Console:
        """Use standard output, or standard error when standard output is for a JSON document."""
        return cls.for_stream(sys.stderr if json else sys.stdout)

    def say(self, text: str = "") -> None:
        """Print lines; on a terminal those that are too long are broken between words."""
        if not self.live:
            self._write(f"{text}\n")
            return
        columns = terminal_columns(self.stream) or PIPE_COLUMNS
        shown = "\n".join(wrapped(line, columns) for line in masked(text).splitlines() or [""])
        self._write(f"\r\033[K{shown}\n")

    def paint(self, text: str, code: str) -> str:
        """Colour a text with an SGR code such as `32` (green), where colours are welcome."""
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    @contextmanager
    def step(self, title: str) -> Iterator[Progress]:
        """Show a step while it runs, and its time at the end."""
        progress = Progress(title)
        with self.showing(progress):
            yield progress

    @contextmanager
    def showing(self, progress: Progress, *, number: str = "") -> Iterator[Progress]:
        """Show the progress of a step while it runs, and its time at the end.

        A terminal has a line that is redrawn. A pipe gets a line at the end; of a step that takes longer also its title
        after a second, and how far it is every ten seconds, of a long one every minute.
        """
        prefix = f"{number} " if number else ""
        mark, colour = "✗", "31"
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
        with self.under_way(Progress(title)):
            yield

    @contextmanager
    def under_way(self, progress: Progress) -> Iterator[None]:
        """Show progress while something runs whose result others say, and leave no trace of it on a terminal."""
        try:
            with self._ticking(progress, ""):
                yield
        finally:
            if self.live:
                self._write("\r\033[K")

    @contextmanager
    def _ticking(self, progress: Progress, prefix: str) -> Iterator[None]:
        finished = threading.Event()
        target = self._redraw if self.live else self._report
        ticker = threading.Thread(target=target, args=(progress, prefix, finished), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            finished.set()
            ticker.join()

    def _redraw(self, progress: Progress, prefix: str, finished: threading.Event) -> None:
        count = 0
        while not finished.wait(LIVE_TICK_SECONDS):
            width = (terminal_columns(self.stream) or PIPE_COLUMNS) - 1
            line = masked(f"{prefix}{FRAMES[count % len(FRAMES)]} {progress.title}{_state(progress)}")
            self._write(f"\r\033[K{line[:width]}")
            count += 1

    def _report(self, progress: Progress, prefix: str, finished: threading.Event) -> None:
        if finished.wait(self.patience):
            return
        self._write(f"{'::group::' if self.groups else ''}{prefix}… {progress.title}\n")
        count = 0
        while not finished.wait(self.tick if count < EARLY_TICKS else self.tick * EARLY_TICKS):
            self._write(f"  …{_state(progress)}\n")
            count += 1
        if self.groups:
            self._write("::endgroup::\n")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            # The work goes on: nothing is undone because the reader left. That is reported at the end.
            return


def _tick_seconds(text: str) -> float:
    """Return the seconds between lines about a step, the usual ones if the text is empty."""
    try:
        seconds = float(text or TICK_SECONDS)
    except ValueError:
        seconds = 0.0
    if not LEAST_TICK <= seconds <= MOST_TICK:
        raise Refused(f"{TICK_VARIABLE}={text}: a number of seconds from {LEAST_TICK:g} to {MOST_TICK:g} is wanted")
    return seconds


def _state(progress: Progress) -> str:
    text = progress.detail or progress.note
    return f"{f' · {text}' if text else ''} ({progress.elapsed:.0f} s)"


def print_json(document: object) -> None:
    """Print the one JSON document of a task on standard output."""
    print(json.dumps(masked_document(document), indent=2, default=str), flush=True)
