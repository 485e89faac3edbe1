"""Running scanners side by side: each call in a session of its own, with a deadline, ended when the scan is."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.environment import scanner_environment
from optimus_ops.security.model import CouldNotRun, ScanFinding, ScanResult, State
from optimus_ops.security.scanner import Output, Scanner
from optimus_ops.system.process import end_session

POLL_SECONDS = 0.05
MOST_REASON = 300
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, StopIteration, ArithmeticError, RecursionError)
"""What a reader raises where a tool printed something else than its report."""


@dataclass
class _Running:
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


def run_scanners(
    scanners: Iterable[Scanner],
    files: CheckoutFiles,
    scratch: Path,
    *,
    required: Callable[[Scanner], bool],
    note: Callable[[str], None] = lambda _: None,
) -> list[ScanResult]:
    """Run scanners at the same time and return how each ended, in their order.

    `note` gets the names of those under way. However this ends, no process of theirs is left.
    """
    results: dict[str, ScanResult] = {}
    chosen = list(scanners)
    with _ended_at_last() as running:
        for scanner in chosen:
            with _failure(scanner, required(scanner), results):
                found = _prepared(scanner, files, scratch / scanner.name)
                if found.waiting:
                    running[scanner.name] = found
                else:
                    nothing = _result(scanner, required(scanner), "nothing to scan")
                    results[scanner.name] = replace(nothing, reason=scanner.scope(files))
        while running:
            note(", ".join(running))
            for name, found in list(running.items()):
                with _failure(found.scanner, required(found.scanner), results, found.started):
                    if found.step():
                        results[name] = _read(found, required(found.scanner))
                if name in results:
                    found.stop()
                    del running[name]
            time.sleep(POLL_SECONDS)
    return [results[scanner.name] for scanner in chosen]


@contextmanager
def _ended_at_last() -> Iterator[dict[str, _Running]]:
    running: dict[str, _Running] = {}
    try:
        yield running
    finally:
        for found in running.values():
            found.stop()


@contextmanager
def _failure(
    scanner: Scanner, required: bool, results: dict[str, ScanResult], started: float | None = None
) -> Iterator[None]:
    """Make a result of what keeps a scanner from its work."""
    try:
        yield
    except OpsError as error:
        told = replace(
            _result(scanner, required, "could not run", started), reason=error.message, hint=error.hint or ""
        )
        results[scanner.name] = told
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
        results[scanner.name] = replace(_result(scanner, required, "could not run", started), reason=reason)


def _prepared(scanner: Scanner, files: CheckoutFiles, folder: Path) -> _Running:
    program = scanner.program()
    home = folder / "home"
    home.mkdir(parents=True, mode=0o700)
    environment = scanner_environment(os.environ, home, files.root, network=scanner.network, engine=scanner.engine)
    calls = [[program, *words] for words in scanner.commands(files, folder)]
    return _Running(scanner, files, folder, calls, environment)


def _read(found: _Running, required: bool) -> ScanResult:
    scanner = found.scanner
    try:
        findings: tuple[ScanFinding, ...] = tuple(scanner.read(found.outputs, found.files))
    except UNREADABLE as error:
        raise CouldNotRun(f"{scanner.tool} printed no report that can be read ({type(error).__name__})") from error
    done = _result(scanner, required, "done", found.started)
    return replace(done, reason=scanner.scope(found.files), findings=findings)


def _result(scanner: Scanner, required: bool, state: State, started: float | None = None) -> ScanResult:
    seconds = time.monotonic() - started if started is not None else 0.0
    return ScanResult(scanner.name, scanner.tool, scanner.version(), state, required, seconds=seconds)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f": {lines[-1].strip()[:MOST_REASON]}" if lines else ""
