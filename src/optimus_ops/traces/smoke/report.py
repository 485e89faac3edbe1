"""The result for people, as one JSON document, and as a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optimus_ops.checks.model import count_verdicts
from optimus_ops.checks.render import check_json, checks_text, summary
from optimus_ops.errors import OpsError
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.model import Block, Details, Finding, Output, Paragraph, Run, Section
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import PIPE_COLUMNS, layout_columns
from optimus_ops.traces.show import trace_lines
from optimus_ops.traces.smoke.result import ProbeResult, SmokeResult
from optimus_ops.traces.timeline import make_timeline

NAME = "trace-smoke-test"
BY_ID_SECONDS, TASK_SECONDS = 2.0, 6.0


def show(result: SmokeResult, folder: Path | None, *, json: bool) -> None:
    """Print the result, and write the report where one is wanted.

    Raises:
        OpsError: a check failed, or the report can't be written.
    """
    console = Console.standard(json=json)
    if json:
        print_json(document(result))
    else:
        columns = layout_columns(sys.stdout)
        for probe in result.probes:
            for line in tree(probe, colour=console.colour, columns=columns):
                console.stream.write(f"{line}\n")
        console.stream.write(
            checks_text(result.checks, headline(result), notes(result), colour=console.colour, columns=columns)
        )
    leave_report(smoke_report(result), folder, NAME, console)
    if result.failed:
        raise failure(result)


def headline(result: SmokeResult) -> str:
    """Return the sum in a line."""
    whole = sum(probe.ok for probe in result.probes)
    by_id = _by_id(result)
    times = f", by id within {max(by_id):.2f} s of the request" if len(by_id) == len(result.probes) else ""
    return f"{whole} of {len(result.probes)} requests are traced whole{times}; {summary(result.checks)}"


def notes(result: SmokeResult) -> Iterator[str]:
    """Give where it was read, and what was left out."""
    where = f"{result.places.traces}"
    logs = f", {result.places.logs}" if result.places.logs else ""
    yield f"{where}{logs}; run {result.run} took {result.seconds:.1f} s"
    if result.left_out:
        yield f"not sent, no address: {', '.join(result.left_out)} (--target SERVICE=URL)"


def failure(result: SmokeResult) -> OpsError:
    """Return the error of a run in which something failed: the first hop that is missing of each probe, and why."""
    lost = [probe for probe in result.probes if not probe.ok]
    found = _causes(lost) or [f"{check.subject} {check.name}: {check.found}" for check in result.failed]
    hints = dict.fromkeys(probe.diagnosis.hint for probe in lost if probe.diagnosis)
    head = f"{len(lost)} of {len(result.probes)} requests are not traced whole" if lost else "the stores prove nothing"
    return OpsError("\n  ".join([head, *found]), "\n  ".join(hints) or "each check that failed says what to do")


def tree(probe: ProbeResult, *, colour: bool, columns: int) -> Iterator[str]:
    """Give the lines of a probe's trace, with a line before that says what it is."""
    evidence = probe.evidence
    yield f"{evidence.probe.name}: {'ok' if probe.ok else 'failed'}, {_times(probe)}"
    if evidence.lookup.trace is not None and evidence.lookup.trace.spans:
        yield from trace_lines(make_timeline(evidence.lookup.trace), colour=colour, columns=columns)
    else:
        yield f"trace {evidence.ids.trace_id}: nothing of it is there"
    if probe.diagnosis:
        yield f"✗ {probe.diagnosis}"
        yield f"  → {probe.diagnosis.hint}"
    yield ""


def document(result: SmokeResult) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "ok": not result.failed,
        "run": result.run,
        "seconds": round(result.seconds, 3),
        "traces": str(result.places.traces),
        "logs": str(result.places.logs) if result.places.logs else None,
        "probes": [_probe_json(probe) for probe in result.probes],
        "left_out": list(result.left_out),
        "counts": count_verdicts(result.checks),
        "checks": [check_json(check) for check in result.store_checks],
    }


def smoke_report(result: SmokeResult) -> Run:
    """Return the report: a section for each probe with its tree; what failed is a finding as well."""
    findings: tuple[Block, ...] = tuple(
        Finding(f"traces/{check.name}", "error", f"{check.subject}: {check.found}", hint=check.hint)
        for check in result.failed
    )
    figures: tuple[Block, ...] = (
        Objective(
            "readable by id, after the request", "at most", BY_ID_SECONDS, max(_by_id(result), default=None), "s"
        ),
        Objective("the whole test", "under", TASK_SECONDS, result.seconds, "s"),
        Measurement.median("readable by id", _by_id(result), "s"),
        Measurement.median("found by search", _by_search(result), "s"),
    )
    return Run(
        "Smoke test of traces",
        headline(result),
        {"traces": str(result.places.traces), "logs": str(result.places.logs or "none"), "run": result.run},
        (
            *([Section("Failed", findings)] if findings else []),
            Section("Times", figures),
            *map(_section, result.probes),
            Section("Stores", (*result.store_checks, *map(Paragraph, notes(result)))),
        ),
        "invoke trace-smoke-test",
    )


def _section(probe: ProbeResult) -> Section:
    text = "\n".join(tree(probe, colour=False, columns=PIPE_COLUMNS)).rstrip()
    blocks: tuple[Block, ...] = (*probe.checks, Details("The trace", (Output(text),)))
    return Section(probe.evidence.probe.name, blocks)


def _probe_json(probe: ProbeResult) -> dict[str, Any]:
    evidence, found = probe.evidence, probe.diagnosis
    trace = evidence.lookup.trace
    return {
        "name": evidence.probe.name,
        "ok": probe.ok,
        "trace_id": evidence.ids.trace_id,
        "status": evidence.exchange.status,
        "spans": len(trace.spans) if trace else 0,
        "services": list(trace.services) if trace else [],
        "seconds_by_id": evidence.lookup.seconds,
        "seconds_by_search": probe.search_seconds,
        "checks": [check_json(check) for check in probe.checks],
        "diagnosis": None
        if found is None
        else {"hop": found.hop, "cause": found.cause.value, "found": found.found, "hint": found.hint},
    }


def _times(probe: ProbeResult) -> str:
    by_id = probe.evidence.lookup.seconds
    found = f"readable by id after {by_id:.2f} s" if by_id is not None else "not readable as a whole by its id"
    searched = probe.search_seconds
    return (
        f"{found}, {f'found by search after {searched:.2f} s' if searched is not None else 'not yet found by search'}"
    )


def _causes(lost: Sequence[ProbeResult]) -> list[str]:
    """Return each cause once, with the probes that it is of."""
    names: dict[str, list[str]] = {}
    for probe in lost:
        check = next(check for check in probe.checks if check.verdict == "failed")
        cause = str(probe.diagnosis) if probe.diagnosis else f"{check.name}: {check.found}"
        names.setdefault(cause, []).append(probe.evidence.probe.name)
    return [f"{', '.join(of)}: {cause}" for cause, of in names.items()]


def _by_id(result: SmokeResult) -> list[float]:
    times = (probe.evidence.lookup.seconds for probe in result.probes)
    return [seconds for seconds in times if seconds is not None]


def _by_search(result: SmokeResult) -> list[float]:
    return [probe.search_seconds for probe in result.probes if probe.search_seconds is not None]
