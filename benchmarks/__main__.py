"""`python -m benchmarks [REPORT or SECTION …]`: measure a report's sections, or those named, and write the report."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docker.errors import DockerException

from benchmarks import (
    autoscale_live,
    autoscale_simulation,
    changes,
    check_security,
    ci,
    ci_shares,
    eval_gate,
    evals,
    fairness,
    footprint,
    generator,
    guardrails,
    litellm,
    load_spike,
    paired,
    planning,
    rotation,
    scale,
    scale_out,
    startup,
    telemetry,
    throughput,
    upstream,
    validation,
)
from benchmarks.cases import CASES
from benchmarks.machine import machine_facts
from benchmarks.platform_under_test import ROOT, Engine, platform
from benchmarks.report import PLATFORM, SUBJECTS, TITLES, Subject, failed_section, is_complete, report
from benchmarks.same_answer import WrongAnswer
from benchmarks.section import Blocks, show
from optimus_ops.errors import OpsError
from optimus_ops.reports.files import write_report
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.model import Run, Section

FOLDER = ROOT / "docs" / "benchmarks"
IDLE_SECONDS = 20.0
CASES_OF = {"load": [case.name for case in CASES], "paired": [cycle.name for cycle in paired.CYCLES]}
FAILURES = (OpsError, DockerException, WrongAnswer, RuntimeError, OSError)


@dataclass(frozen=True)
class Extent:
    """How much is measured: sections, their cases (all if none is named), `quick` with few repetitions."""

    sections: Sequence[str]
    cases: Sequence[str] = ()
    quick: bool = False
    base: Path | None = None
    pairs: int | None = None

    @property
    def whole(self) -> tuple[Subject, ...]:
        """The reports of which everything is measured in full."""
        if self.quick or self.cases:
            return ()
        return tuple(subject for subject in SUBJECTS if set(subject.sections) <= set(self.sections))


def main() -> int:
    """Measure; 0 if everything was measured, met or missed, else 1."""
    options = parse_options()
    extent = Extent(sections_named(options.names), options.case, options.quick, options.base, options.pairs)
    # As Ctrl-C does, so that what was started is removed; a running event loop has its own way to do that.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        reports = run(Engine.connect(), extent)
    except KeyboardInterrupt:
        show("interrupted; nothing is left running")
        return 130
    except DockerException as error:
        show(f"no container engine answers: {error}")
        return 3
    for subject, measured in reports:
        if folder := options.output or (FOLDER if subject in extent.whole else None):
            show(f"written: {', '.join(map(str, write_report(measured, folder, subject.name)))}")
    return 0 if all(is_complete(measured) for _, measured in reports) else 1


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    names = {**{subject.name: subject for subject in SUBJECTS}, **TITLES}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the platform on this machine.")
    listed = "; ".join(f"{subject.name} ({', '.join(subject.sections)})" for subject in SUBJECTS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"reports, or sections of them: {listed}; else platform"
    )
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        help="; ".join(f"of `{name}` only {', '.join(cases)}" for name, cases in CASES_OF.items()) + " (repeatable)",
    )
    parser.add_argument("--base", type=Path, help="checkout that `paired` compares this one with; it needs its .venv")
    parser.add_argument("--pairs", type=pair_count, help=f"of `autoscale_live`, 1 to 20 ({autoscale_live.PAIRS})")
    parser.add_argument("--quick", action="store_true", help="few repetitions: to try the benchmarks, not the platform")
    parser.add_argument("--output", type=Path, help="folder for the reports (where all is measured: docs/benchmarks)")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"no section {', '.join(unknown)}; there are: {', '.join(names)}")
    sections = sections_named(options.names)
    cases = [case for name in sections for case in CASES_OF.get(name, ())]
    if unknown := sorted(set(options.case) - set(cases)):
        parser.error(f"no case {', '.join(unknown)}; there are: {', '.join(cases) or 'none'}")
    if "paired" in sections and options.base is None:
        parser.error("paired needs --base FOLDER")
    return options


def pair_count(text: str) -> int:
    """Parse a number of pairs.

    Raises:
        ValueError: it is none, or too many for an afternoon.
    """
    count = int(text)
    if not 1 <= count <= 20:
        raise ValueError(text)
    return count


def sections_named(names: Sequence[str]) -> tuple[str, ...]:
    """Return the sections that are named by themselves or by their report; those of the platform if none is."""
    wanted = set(names or [PLATFORM.name])
    return tuple(section for subject in SUBJECTS for section in subject.sections if wanted & {subject.name, section})


def run(engine: Engine, extent: Extent) -> list[tuple[Subject, Run]]:
    """Measure the sections, one after the other, and put the reports together."""
    facts = {**machine_facts(), "Docker Engine": str(engine.api.version()["Version"])}
    reports = []
    for subject in SUBJECTS:
        names = [name for name in subject.sections if name in extent.sections]
        if names:
            started, day = time.monotonic(), datetime.now(UTC).date().isoformat()
            sections = measure(engine, names, extent)
            measured = {"measured on": f"{day} in {time.monotonic() - started:.0f} s"}
            reports.append((subject, report(subject, sections, facts | measured)))
    return reports


def measure(engine: Engine, names: Sequence[str], extent: Extent) -> list[Section]:
    """Measure the sections named."""
    quick = extent.quick
    effort = changes.QUICK if quick else changes.Effort()
    measures: dict[str, Callable[[], Blocks]] = {
        "startup": lambda: startup.measure(3 if quick else 25),
        "scale": lambda: scale.measure(engine, *((1, 2) if quick else (5, 7))),
        "load": lambda: changes.measure(engine, effort, extent.cases),
        "growth": lambda: scale_out.measure(engine, rounds=1 if quick else 5, build=not quick),
        "ci-tasks": lambda: ci.measure(3 if quick else 15),
        "ci-shares": ci_shares.measure,
        "check_security": lambda: check_security.measure(1 if quick else 5),
        "planning": lambda: planning.measure(5 if quick else 50),
        "rotations": lambda: rotation.measure(engine, rotation.QUICK if quick else rotation.Effort()),
        "telemetry": lambda: telemetry.measure(telemetry.QUICK if quick else telemetry.Effort()),
        "guardrails_change": lambda: guardrails.measure_change(2 if quick else 15),
        "guardrails_mcp": lambda: guardrails.measure_mcp(5 if quick else 60),
        "guardrails_contracts": lambda: guardrails.measure_contracts(2 if quick else 10),
        "validation": lambda: validation.measure(3 if quick else 15),
        "upstream": lambda: upstream.measure(upstream.QUICK if quick else upstream.Effort()),
        "generators": lambda: generator.measure(generator.QUICK if quick else generator.Effort()),
        "places": lambda: fairness.measure_places(fairness.QUICK if quick else fairness.Effort()),
        "processor": lambda: fairness.measure_processor(fairness.QUICK if quick else fairness.Effort()),
        "embedded": lambda: fairness.measure_embedded(fairness.QUICK if quick else fairness.Effort()),
        "autoscale_live": lambda: autoscale_live.measure(
            engine, extent.pairs or (1 if quick else autoscale_live.PAIRS), quick=quick
        ),
        "evals_run": lambda: evals.measure(2 if quick else 15),
        "eval_gate": lambda: eval_gate.measure(200 if quick else eval_gate.RUNS),
        "autoscale_rules": lambda: autoscale_simulation.measure(1 if quick else 5),
        "load_spike": lambda: load_spike.measure(engine, quick=quick),
        "litellm": lambda: litellm.measure(upstream.QUICK if quick else upstream.Effort()),
        "paired": lambda: paired.measure(engine, extent.base or ROOT, 2 if quick else 6, extent.cases),
    }
    sections = [attempt(name, measures[name]) for name in names if name in measures]
    shared = [name for name in names if name not in measures]
    return [*sections, *(measure_one_replica(engine, shared, quick=quick) if shared else ())]


def measure_one_replica(engine: Engine, names: Sequence[str], *, quick: bool) -> list[Section]:
    """Measure what needs a running stack on one stack: first idle, then loaded."""
    effort = throughput.Effort(1, 0.5, 2, 100) if quick else throughput.Effort(3, 2, 10, 2000)
    idle = 3.0 if quick else IDLE_SECONDS
    try:
        with platform(engine, {"AI_ENGINE_CPUS": "1.0", "WEB_CONCURRENCY": "1"}) as stack:
            show("one replica of each service")
            stack.invoke("scale", "--ai-engine", "1")
            time.sleep(idle)
            measures = {
                "footprint": lambda: footprint.measure(stack, idle),
                "throughput": lambda: throughput.measure(stack, effort),
            }
            return [attempt(name, measures[name]) for name in names]
    except FAILURES as error:
        return [failed_section(TITLES[name], str(error)) for name in names]


def attempt(name: str, measure_section: Callable[[], Blocks]) -> Section:
    """Measure a section; if that fails, report why and go on with the next."""
    show(f"measuring: {name}")
    try:
        section = Section(TITLES[name], measure_section())
    except* FAILURES as group:
        section = failed_section(TITLES[name], "; ".join(dict.fromkeys(str(error) for error in leaves(group))))
    show(markdown(Run(name, sections=(section,))))
    return section


def leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions that a group is made of."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


if __name__ == "__main__":
    sys.exit(main())
