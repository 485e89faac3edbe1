"""`python -m benchmarks [REPORT or PART …]`: measure a report's parts, or those named, and write the report."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import DockerException

from benchmarks import changes, footprint, machine, planning, scale, scale_out, startup, throughput
from benchmarks.cases import CASES
from benchmarks.http_wire import BadAnswer
from benchmarks.platform_under_test import ROOT, Engine, platform
from benchmarks.report import PLATFORM, SUBJECTS, TITLES, Report, document, markdown, section
from benchmarks.section import Part
from optimus_ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from benchmarks.report import Subject

FOLDER = ROOT / "docs" / "benchmarks"
IDLE_SECONDS = 20.0
FAILURES = (OpsError, DockerException, BadAnswer, RuntimeError, OSError)


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Args:
        parts: the parts' names.
        cases: of the changes under load; empty for all.
        quick: few repetitions.
    """

    parts: Sequence[str]
    cases: Sequence[str] = ()
    quick: bool = False

    @property
    def whole(self) -> tuple[Subject, ...]:
        """Return the reports of which everything is measured in full."""
        if self.quick or self.cases:
            return ()
        return tuple(subject for subject in SUBJECTS if set(subject.parts) <= set(self.parts))


def main() -> int:
    """Measure; 0 if everything was measured, met or missed, else 1."""
    options = parsed_options()
    extent = Extent(parts_named(options.names), options.case, options.quick)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        reports = run(Engine.connect(), extent)
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    except DockerException as error:
        say(f"no container engine answers: {error}")
        return 3
    for report in reports:
        write(report, options.output or (FOLDER if report.subject in extent.whole else None))
    return 0 if all(report.complete for report in reports) else 1


def parsed_options() -> argparse.Namespace:
    """Read the command line."""
    names = {**{subject.name: subject for subject in SUBJECTS}, **TITLES}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the platform on this machine.")
    said = "; ".join(f"{subject.name} ({', '.join(subject.parts)})" for subject in SUBJECTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"reports, or parts of them: {said}; else platform")
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        choices=[case.name for case in CASES],
        help="of `load` only this case; may be given several times",
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: to try the benchmarks, not the platform")
    parser.add_argument("--output", type=Path, help="folder for the reports (where all is measured: docs/benchmarks)")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(names)}")
    return options


def parts_named(names: Sequence[str]) -> tuple[str, ...]:
    """Return the parts that are named by themselves or by their report; those of the platform if none is."""
    wanted = set(names or [PLATFORM.name])
    return tuple(part for subject in SUBJECTS for part in subject.parts if wanted & {subject.name, part})


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that what was started is removed (a running event loop has its own way to do that)."""
    signal.raise_signal(signal.SIGINT)


def run(engine: Engine, extent: Extent) -> list[Report]:
    """Measure the parts, one after the other, and put the reports together."""
    here = machine.look(engine)
    reports: list[Report] = []
    for subject in SUBJECTS:
        names = [name for name in subject.parts if name in extent.parts]
        if names:
            started, day = time.monotonic(), datetime.now(UTC).date()
            parts = measured(engine, names, extent)
            reports.append(Report(parts, here, day, time.monotonic() - started, subject))
    return reports


def measured(engine: Engine, names: Sequence[str], extent: Extent) -> list[Part]:
    """Measure the parts named."""
    quick = extent.quick
    effort = changes.QUICK if quick else changes.Effort()
    ways: dict[str, Callable[[], Part]] = {
        "startup": lambda: startup.measure(3 if quick else 25),
        "scale": lambda: scale.measure(engine, *((1, 2) if quick else (5, 7))),
        "load": lambda: changes.measure(engine, effort, extent.cases),
        "growth": lambda: scale_out.measure(engine, rounds=1 if quick else 5, build=not quick),
        "planning": lambda: planning.measure(5 if quick else 50),
    }
    parts = [attempt(name, ways[name]) for name in names if name in ways]
    shared = [name for name in names if name not in ways]
    return [*parts, *(on_one_replica(engine, shared, quick=quick) if shared else ())]


def on_one_replica(engine: Engine, wanted: Sequence[str], *, quick: bool) -> list[Part]:
    """Measure what needs a running stack on one stack: first idle, then loaded."""
    effort = throughput.Effort(1, 0.5, 2, 100) if quick else throughput.Effort(3, 2, 10, 2000)
    idle = 3.0 if quick else IDLE_SECONDS
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
    """Write a report's files, if there is a folder for them."""
    if folder is None:
        return
    name = report.subject.name
    texts = {f"{name}.md": markdown(report), f"{name}.json": document(report)}
    for part in report.parts:
        texts |= part.files
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    say(f"written: {', '.join(str(folder / file) for file in texts)}")


def say(text: str) -> None:
    """Show how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
