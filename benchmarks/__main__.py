"""`python -m benchmarks`: measure all parts, or those named, and write the report."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import DockerException

from benchmarks import footprint, machine, scale, startup, throughput
from benchmarks.http_wire import BadAnswer
from benchmarks.part import Part
from benchmarks.platform_under_test import ROOT, Engine, platform
from benchmarks.report import TITLES, Report, document, markdown, section
from optimus_ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

COMMAND = ".venv/bin/python -m benchmarks"
FOLDER = ROOT / "docs" / "benchmarks"
IDLE_SECONDS = 20.0
FAILURES = (OpsError, DockerException, BadAnswer, RuntimeError, OSError)


def main() -> int:
    """Measure; 0 if everything was measured, met or missed, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the platform on this machine.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(TITLES)}")
    parser.add_argument("--quick", action="store_true", help="few repetitions: to try the benchmarks, not the platform")
    parser.add_argument("--output", type=Path, help="folder for the report (all parts, not quick: docs/benchmarks)")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(TITLES)):
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(TITLES)}")
    signal.signal(signal.SIGTERM, interrupt)
    try:
        report = run(Engine.connect(), options.parts or tuple(TITLES), quick=options.quick)
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    except DockerException as error:
        say(f"no container engine answers: {error}")
        return 3
    whole = not options.parts and not options.quick
    write(report, options.output or (FOLDER if whole else None))
    return 1 if report.failed else 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that what was started is removed (a running event loop has its own way to do that)."""
    signal.raise_signal(signal.SIGINT)


def run(engine: Engine, names: Sequence[str], *, quick: bool) -> Report:
    """Measure the parts named, one after the other, and put the report together."""
    here, started = machine.look(engine), time.monotonic()
    parts: list[Part] = []
    if "startup" in names:
        parts.append(attempt("startup", lambda: startup.measure(3 if quick else 25)))
    if "scale" in names:
        parts.append(attempt("scale", lambda: scale.measure(engine, *((1, 2) if quick else (5, 7)))))
    if {"footprint", "throughput"} & set(names):
        parts.extend(on_one_replica(engine, names, quick=quick))
    return Report(parts, here, datetime.now(UTC).date(), time.monotonic() - started, COMMAND)


def on_one_replica(engine: Engine, names: Sequence[str], *, quick: bool) -> list[Part]:
    """Measure what needs a running stack on one stack: first idle, then loaded."""
    effort = throughput.Effort(1, 0.5, 2, 100) if quick else throughput.Effort(3, 2, 10, 2000)
    idle = 3.0 if quick else IDLE_SECONDS
    wanted = [name for name in ("footprint", "throughput") if name in names]
    try:
        with platform(engine, AI_ENGINE_CPUS="1.0", WEB_CONCURRENCY="1") as stack:
            say("one replica of each service")
            stack.invoke("scale", "--ai-engine", "1")
            time.sleep(idle)
            ways = {
                "footprint": lambda: footprint.measure(stack, idle),
                "throughput": lambda: throughput.measure(stack, effort),
            }
            return [attempt(name, ways[name]) for name in wanted]
    except FAILURES as error:
        return [Part(name, failed=str(error)) for name in wanted]


def attempt(name: str, measure: Callable[[], Part]) -> Part:
    """Measure a part; if that fails, say so and go on with the next."""
    say(f"measuring: {name}")
    try:
        part = measure()
    except* FAILURES as group:
        reason = "; ".join(dict.fromkeys(str(error) for error in leaves(group)))
        part = Part(name, failed=reason)
    say(section(part))
    return part


def leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions that a group is made of."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def write(report: Report, folder: Path | None) -> None:
    """Write both files, if there is a folder for them."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "platform.md").write_text(markdown(report), encoding="utf-8")
    (folder / "platform.json").write_text(document(report), encoding="utf-8")
    say(f"written: {folder / 'platform.md'} and platform.json")


def say(text: str) -> None:
    """Show how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
