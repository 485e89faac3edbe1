"""Running scanners side by side, and what comes of each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.environment import scanner_environment
from optimus_ops.security.model import CouldNotRun, ScanFinding, ScanResult, State
from optimus_ops.security.running_scanner import RunningScanner
from optimus_ops.security.scanner import Scanner

POLL_SECONDS = 0.05
SCAN_VARIABLE = "OPTIMUS_SECURITY_SCAN"
"""Marks all processes of a scan, by its folder."""
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, StopIteration, ArithmeticError, RecursionError)
"""What a reader raises where a tool printed something else than its report."""


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
def _ended_at_last() -> Iterator[dict[str, RunningScanner]]:
    running: dict[str, RunningScanner] = {}
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


def _prepared(scanner: Scanner, files: CheckoutFiles, folder: Path) -> RunningScanner:
    home = folder / "home"
    home.mkdir(parents=True, mode=0o700)
    environment = scanner_environment(os.environ, home, files.root, network=scanner.network, engine=scanner.engine)
    arguments = scanner.commands(files, folder)
    # A tool is missed only where there is something to scan.
    calls = [[scanner.program(), *words] for words in arguments]
    return RunningScanner(scanner, files, folder, calls, {**environment, SCAN_VARIABLE: str(folder.parent)})


def _read(found: RunningScanner, required: bool) -> ScanResult:
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
