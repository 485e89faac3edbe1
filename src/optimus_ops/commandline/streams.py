"""Standard streams as they are found: closed, or unable to show what we print; secret values never reach them."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO, TypeVar, cast

from invoke.exceptions import Exit

from optimus_ops.errors import Refused
from optimus_ops.system.output_masking import TextStreamMasker

Result = TypeVar("Result")

PLAIN = {
    "✓": "+", "✗": "x", "…": "...", "·": "-", "→": "->", "\u2013": "-", "—": "-", "▰": "#", "▱": ".",
    "├": "|", "└": "`", "─": "-", "│": "|", "━": "=", "╵": "|", "»": ">", "\u00d7": "x", "≤": "<=", "≥": ">=", "µ": "u",
}  # fmt: skip
"""What stands for characters that an encoding lacks."""


def prepare_streams() -> None:
    """Make standard output and error fit to be written to; refuse to work where standard output is closed."""
    if sys.stderr is None:
        _replace_closed(2)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we do
    if sys.stdout is None:
        _replace_closed(1)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        raise Refused("standard output is closed", "to see nothing, send it to /dev/null")
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="plain")
    sys.stdout = cast("TextIO", Output(sys.stdout))
    sys.stderr = cast("TextIO", MaskedStream(sys.stderr))


def _replace_closed(number: int) -> None:
    """Open nothing in place of a closed stream, so that no file of ours takes its number."""
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in missing), error.end


class OutputError(Exit, OSError):
    """Standard output takes no more; Invoke ends with this message and exit code, wherever it was printing."""

    def __init__(self, error: OSError) -> None:
        """Take over the reason of the operating system."""
        Exit.__init__(self, f"failed: standard output can't be written: {error.strerror or error}", code=1)
        self.errno, self.strerror = error.errno, error.strerror


class ReaderGoneError(Exit, BrokenPipeError):
    """Nobody reads standard output any more (`| head`): nothing is wrong."""

    def __init__(self) -> None:
        """End well, without a word."""
        Exit.__init__(self, code=0)


class MaskedStream:
    """A stream of text that secret values never reach; its `buffer` is the real one."""

    def __init__(self, stream: TextIO) -> None:
        """Keep the real stream."""
        self._stream = stream
        self._masker = TextStreamMasker()

    def write(self, text: str) -> int:
        """Write what can be shown by now."""
        self._stream.write(self._masker.feed(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, or any other texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand over what was written."""
        if held := self._masker.flush():
            self._stream.write(held)
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Be the real stream in everything else."""
        return getattr(self._stream, name)


class Output(MaskedStream):
    """Standard output whose failures end the task in order, and are reported once."""

    def __init__(self, stream: TextIO) -> None:
        """Keep the real stream; `failure` is why it takes no more."""
        super().__init__(stream)
        self.failure: Exit | None = None

    def write(self, text: str) -> int:
        """Write, or raise why nothing can be written any more."""
        return self._carefully(lambda: super(Output, self).write(text))

    def flush(self) -> None:
        """Hand over what was written, or raise why that can't be; Python asks once more at the end."""
        if self.failure is None:
            self._carefully(super().flush)

    def _carefully(self, act: Callable[[], Result]) -> Result:
        if self.failure is not None:
            raise self.failure
        try:
            return act()
        except OSError as error:
            # What is left is thrown away: Python would try to write it once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self.failure = ReaderGoneError() if isinstance(error, BrokenPipeError) else OutputError(error)
            raise self.failure from None
