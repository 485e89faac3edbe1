"""A scanner under way: its calls one after the other, each in a session of its own and with a deadline."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import CouldNotRun
from optimus_ops.security.scanner import Output, Scanner
from optimus_ops.system.output_masking import masked
from optimus_ops.system.process import end_session

MOST_REASON = 300
"""Characters of a tool's last words that are told."""


@dataclass
class RunningScanner:
    """A scanner under way: the calls to come, the one that runs, the outputs of those that ended."""

    scanner: Scanner
    files: CheckoutFiles
    folder: Path
    waiting: list[list[str]]
    environment: Mapping[str, str]
    started: float = field(default_factory=time.monotonic)
    process: subprocess.Popen[bytes] | None = None
    argv: tuple[str, ...] = ()
    until: float = 0.0
    outputs: list[Output] = field(default_factory=list)

    def step(self) -> bool:
        """Start the next call, or look after the one that runs; tell whether the scanner has ended.

        Raises:
            CouldNotRun: a call took too long, or ended as none that scans does.
        """
        if self.process is None:
            if not self.waiting:
                return True
            self._start(self.waiting.pop(0))
            return False
        code = self.process.poll()
        if code is None:
            if time.monotonic() > self.until:
                raise CouldNotRun(f"{self.scanner.tool} did not end within {self.scanner.seconds:.0f} s")
            return False
        self.process = None
        output = Output(self.argv, code, self._text("stdout"), self._text("stderr"))
        if code not in self.scanner.codes:
            raise CouldNotRun(f"{self.scanner.tool} ended with {code}{_last_line(output.stderr or output.stdout)}")
        self.outputs.append(output)
        return False

    def stop(self) -> None:
        """End the call that runs."""
        if self.process is not None:
            end_session(self.process)
            self.process = None

    def _start(self, argv: list[str]) -> None:
        self.argv = tuple(argv)
        self.until = time.monotonic() + self.scanner.seconds
        # Files, since a pipe that nobody reads stops a tool that prints much.
        with (self.folder / "stdout").open("wb") as stdout, (self.folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                argv,
                cwd=self.files.root,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f": {masked(lines[-1].strip())[:MOST_REASON]}" if lines else ""
