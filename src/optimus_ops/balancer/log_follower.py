"""Following a container's output."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from optimus_ops.engine.errors import NoSuchThing
from optimus_ops.engine.port import Engine, LogStream
from optimus_ops.errors import OpsError

RETRY_SECONDS = 0.5
JOIN_SECONDS = 2.0
LONGEST_LINE = 64 * 1024


class LogFollower:
    """Standard output of a container, line by line in a thread; it goes on over restarts of container and engine.

    `gone` is set once the container is removed; `failing` tells whether the engine does not answer.
    """

    def __init__(self, engine: Engine, container: str, on_line: Callable[[bytes], None]) -> None:
        """Follow the container from now on while the context is entered."""
        self.gone = threading.Event()
        self.failing = False
        self._engine, self._container, self._on_line = engine, container, on_line
        self._closed, self._guard = threading.Event(), threading.Lock()
        self._stream: LogStream | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        # A read has no end of its own: it is ended by closing the connection under it.
        with self._guard:
            self._close()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not (self._closed.is_set() or self.gone.is_set()):
            try:
                self._follow()
                self.failing = False
            except NoSuchThing:
                self.gone.set()
            except OpsError:
                self.failing = True
            self._closed.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        stream = self._engine.stream_logs(self._container, stderr=False)
        with self._guard:
            self._stream = stream
            if self._closed.is_set():
                self._close()
        pending = b""
        for piece in stream:
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                self._on_line(line)
            if len(pending) > LONGEST_LINE:
                pending = b""

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
