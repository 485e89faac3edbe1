"""A client's messages and answers on two descriptors: lines of a limited length, and no waiting without an end."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO, cast

from optimus_ops.guardrails.serve.messages import MOST_MESSAGE_BYTES, complaint, too_long

CHUNK = 65_536
MOST_AHEAD = 100
"""Messages that are taken while the client takes no answers."""


@dataclass
class Wire:
    """Two descriptors of a client, and a pipe that ends all waiting for it."""

    source: int
    sink: int
    stopping: tuple[int, int] = field(default_factory=os.pipe)
    writable: threading.Event = field(default_factory=threading.Event)
    writing: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin with a client that takes answers."""
        self.writable.set()

    def stop(self) -> None:
        """End what waits, as if the client were gone; also from a signal handler."""
        os.write(self.stopping[1], b".")
        self.writable.set()

    def wait(self, descriptor: int, event: int) -> bool:
        """Wait for a descriptor; False if there is nothing to wait for any more."""
        poll = select.poll()
        poll.register(descriptor, event)
        poll.register(self.stopping[0], select.POLLIN)
        ready = {found for found, _event in poll.poll()}
        return self.stopping[0] not in ready

    def send(self, data: bytes) -> None:
        """Write, in parts that a pipe which is ready takes without blocking.

        Raises:
            BrokenPipeError: the client is gone.
        """
        with self.writing:
            left = memoryview(data)
            try:
                while left:
                    self.writable.clear()
                    if not self.wait(self.sink, select.POLLOUT):
                        raise BrokenPipeError
                    left = left[os.write(self.sink, left[: select.PIPE_BUF]) :]
                    self.writable.set()
            except OSError:
                # Whoever takes no answers has no questions.
                self.stop()
                raise


class MessageInput(io.RawIOBase):
    """The messages of a client, each a line; what is none is answered here."""

    def __init__(self, wire: Wire) -> None:
        """Read from a wire."""
        super().__init__()
        self._wire = wire
        self._taken = bytearray()
        self._ready = b""
        self._ahead = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffers that readers hand in
        """Read a part of the next message; 0 at the end."""
        if not self._ready:
            self._ready = self._next_message()
        part = self._ready[: len(buffer)]
        buffer[: len(part)] = part
        self._ready = self._ready[len(part) :]
        return len(part)

    def _next_message(self) -> bytes:
        while True:
            self._let_client_read()
            line = self._next_line()
            if line is None:
                return b""
            told = complaint(line) if line.strip() else b""
            if told is None:
                return line
            if told:
                self._wire.send(told)

    def _next_line(self) -> bytes | None:
        """Return the next line that is short enough; None at the end."""
        dropping, searched = False, 0
        while True:
            end = self._taken.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._taken[: end + 1])
                del self._taken[: end + 1]
                if not dropping:
                    return line
                self._wire.send(too_long())
                dropping, searched = False, 0
                continue
            searched = len(self._taken)
            if searched > MOST_MESSAGE_BYTES:
                self._taken.clear()
                dropping, searched = True, 0
            data = os.read(self._wire.source, CHUNK) if self._wire.wait(self._wire.source, select.POLLIN) else b""
            if not data:
                return None
            self._taken += data

    def _let_client_read(self) -> None:
        """Take no more messages of a client that sends many and takes no answers."""
        self._ahead = 0 if self._wire.writable.is_set() else self._ahead + 1
        if self._ahead > MOST_AHEAD:
            self._wire.writable.wait()


class MessageOutput(io.RawIOBase):
    """The answers to a client."""

    def __init__(self, wire: Wire) -> None:
        """Write to a wire."""
        super().__init__()
        self._wire = wire

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # what writers hand in
        """Write all of it."""
        self._wire.send(bytes(data))
        return len(data)


class _DivertedOutput(io.TextIOWrapper):
    """Standard output whose text goes to standard error; who asks for its bytes has the protocol."""

    def __init__(self, answers: MessageOutput) -> None:
        super().__init__(os.fdopen(os.dup(2), "wb"), encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self._answers = answers

    @property
    def buffer(self) -> MessageOutput:  # type: ignore[override]  # a property in both
        return self._answers


@contextlib.contextmanager
def protocol_streams(wire: Wire) -> Iterator[None]:
    """Let whoever asks for the bytes of standard input and output have the wire's; texts go to standard error."""
    before = sys.stdin
    sys.stdin = cast("TextIO", io.TextIOWrapper(io.BufferedReader(MessageInput(wire)), encoding="utf-8"))
    try:
        with contextlib.redirect_stdout(_DivertedOutput(MessageOutput(wire))):
            yield
    finally:
        sys.stdin = before
