"""The report of test sessions: numbers, failures at their lines, flaky and slow tests, coverage against the base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.checks.model import Check
from optimus_ops.ci.testing.coverage_figures import Figures, by_package, total
from optimus_ops.ci.testing.limits import Limits
from optimus_ops.ci.testing.model import OUTCOMES, CaseResult, SessionResults
from optimus_ops.reports.model import Block, Details, Finding, Paragraph, Run, Section, Table
from optimus_ops.reports.spans import Content, Span, Tone

MOST_FINDINGS = 50
SLOWEST = 10
LEAST_COVERED = 15
TONES: Mapping[str, Tone] = {"failed": "bad", "flaky": "warn"}


@dataclass(frozen=True)
class Coverage:
    """Coverage of one session or of several together.

    Args:
        title: of which sessions.
        files: file -> figures.
        base: package -> figures of the base; empty where none are known.
        base_name: the base's commit and how far it is from the merge base, for people; else why there is none.
        judged: whether the limit holds for it.
        untested: changed lines that no test runs.
    """

    title: str
    files: Mapping[str, Figures]
    base: Mapping[str, Figures] = field(default_factory=dict)
    base_name: str = ""
    judged: bool = False
    untested: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class SessionsFound:
    """All that the report is made of; `changed_figures` are tables of benchmarks that the change changed."""

    sessions: Sequence[SessionResults]
    limits: Limits
    coverage: Sequence[Coverage] = ()
    changed_figures: Sequence[tuple[str, Table]] = ()


def sessions_checks(found: SessionsFound) -> tuple[Check, ...]:
    """Return the verdicts: on each session, and on coverage."""
    checks = [_session_check(session, found.limits) for session in found.sessions]
    checks += [_coverage_check(coverage, found.limits) for coverage in found.coverage if coverage.judged]
    return tuple(checks)


def sessions_report(found: SessionsFound, facts: Mapping[str, str]) -> Run:
    """Return the report."""
    failures = _findings(found.sessions, "failed")
    flaky = _findings(found.sessions, "flaky")
    sections = [Section("Sessions", (_sessions(found.sessions), *sessions_checks(found)))]
    if failures:
        sections.append(Section("Failures", (*failures, *_details(found.sessions))))
    if flaky:
        said = Paragraph("Failed, and passed when they were tried again, alone.")
        sections.append(Section("Flaky tests", (said, *flaky)))
    sections += [_coverage_section(coverage) for coverage in found.coverage]
    if untested := [finding for coverage in found.coverage for finding in coverage.untested]:
        sections.append(Section("Changed lines without a test", tuple(untested)))
    sections.append(Section("Slowest tests", (_slowest(found.sessions),)))
    if skipped := _skipped(found.sessions):
        sections.append(Section("Skipped", (skipped,)))
    sections += [Section(f"Benchmarks: {title}", (table,)) for title, table in found.changed_figures]
    return Run("Tests", headline(found), facts, tuple(sections), "invoke ci.tests")


def headline(found: SessionsFound) -> Content:
    """Return the result in one line."""
    counts = {outcome: sum(len(session.of(outcome)) for session in found.sessions) for outcome in OUTCOMES}
    parts: list[str | Span] = []
    for outcome, count in counts.items():
        if count or outcome == "passed":
            parts += [
                ", " if parts else "",
                Span(f"{count:,} {outcome}", TONES.get(outcome, "plain") if count else "plain"),
            ]
    for coverage in found.coverage:
        percent = total(coverage.files.values()).branch_percent
        difference = _difference(percent, total(coverage.base.values()) if coverage.base else None)
        parts.append(f"; branches by {coverage.title} {percent:.1f} %{f' ({difference})' if difference else ''}")
    return tuple(parts)


def sessions_json(found: SessionsFound, run_document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report's JSON document, with sessions and coverage as objects beside what each report has."""
    return {
        **run_document,
        "sessions": [
            {
                "session": session.name,
                "seconds": round(session.seconds, 3),
                **{outcome: len(session.of(outcome)) for outcome in OUTCOMES},
                "failed_tests": [case.name for case in session.of("failed")],
                "flaky_tests": [case.name for case in session.of("flaky")],
            }
            for session in found.sessions
        ],
        "coverage": [
            {
                "of": coverage.title,
                "base": coverage.base_name,
                **_figures_json(total(coverage.files.values())),
                "packages": {name: _figures_json(figures) for name, figures in by_package(coverage.files).items()},
            }
            for coverage in found.coverage
        ],
    }


def _figures_json(figures: Figures) -> dict[str, float]:
    return {
        "branches": figures.branches,
        "taken_branches": figures.taken_branches,
        "branch_percent": round(figures.branch_percent, 2),
        "statement_percent": round(figures.statement_percent, 2),
    }


def _session_check(session: SessionResults, limits: Limits) -> Check:
    failed, flaky = session.of("failed"), session.of("flaky")
    if failed:
        return Check(session.name, "tests", "failed", f"{len(failed)} failed", f"nox -s {session.name} -- --lf")
    if len(flaky) > limits.flaky:
        return Check(session.name, "tests", "failed", f"{len(flaky)} flaky, {limits.flaky} are allowed", "mend them")
    if flaky:
        return Check(session.name, "tests", "warning", f"{len(flaky)} flaky", ", ".join(case.name for case in flaky))
    return Check(session.name, "tests", "ok", f"{len(session.of('passed')):,} passed")


def _coverage_check(coverage: Coverage, limits: Limits) -> Check:
    figures = total(coverage.files.values())
    said = f"{figures.branch_percent:.2f} % ({figures.taken_branches:,} of {figures.branches:,})"
    if limits.branches is None or figures.branch_percent >= limits.branches:
        return Check(coverage.title, "branches", "ok", said)
    return Check(
        coverage.title, "branches", "failed", f"{said}, {limits.branches:g} % are wanted", "test the files below"
    )


def _sessions(sessions: Iterable[SessionResults]) -> Table:
    rows = tuple(
        (session.name, *(_count(session, outcome) for outcome in OUTCOMES), f"{session.seconds:,.0f}")
        for session in sessions
    )
    return Table(("session", *OUTCOMES, "seconds"), rows, frozenset((*OUTCOMES, "seconds")))


def _count(session: SessionResults, outcome: Any) -> Content:
    count = len(session.of(outcome))
    return Span(f"{count:,}", TONES.get(outcome, "plain") if count else "plain")


def _findings(sessions: Iterable[SessionResults], outcome: Any) -> tuple[Finding, ...]:
    cases = [(session.name, case) for session in sessions for case in session.of(outcome)]
    level, rule = ("error", "failed") if outcome == "failed" else ("warning", "flaky")
    found = [
        Finding(f"tests/{rule}", level, f"{case.name} ({name}): {case.message}", case.place)  # type: ignore[arg-type]
        for name, case in cases[:MOST_FINDINGS]
    ]
    if len(cases) > MOST_FINDINGS:
        found.append(Finding(f"tests/{rule}", "note", f"and {len(cases) - MOST_FINDINGS} more {rule} tests"))
    return tuple(found)


def _details(sessions: Iterable[SessionResults]) -> Iterator[Block]:
    cases = [case for session in sessions for case in session.of("failed") if case.details]
    for case in cases[:MOST_FINDINGS]:
        yield Details(case.name, tuple(Paragraph(Span(line, code=True)) for line in case.details.splitlines()[-80:]))


def _slowest(sessions: Iterable[SessionResults]) -> Table:
    cases: list[tuple[str, CaseResult]] = [(session.name, case) for session in sessions for case in session.cases]
    cases.sort(key=lambda entry: -entry[1].seconds)
    rows = tuple((f"{case.seconds:.1f}", name, Span(case.name, code=True)) for name, case in cases[:SLOWEST])
    return Table(("seconds", "session", "test"), rows, frozenset({"seconds"}))


def _skipped(sessions: Iterable[SessionResults]) -> Table | None:
    reasons = Counter(
        (session.name, case.message or "no reason given") for session in sessions for case in session.of("skipped")
    )
    rows = tuple((f"{count}", name, reason) for (name, reason), count in reasons.most_common())
    return Table(("tests", "session", "reason"), rows, frozenset({"tests"})) if rows else None


def _coverage_section(coverage: Coverage) -> Section:
    packages = by_package(coverage.files)
    everything = total(packages.values())
    rows = [_coverage_row(name, figures, coverage.base.get(name)) for name, figures in packages.items()]
    rows.append(_coverage_row("total", everything, total(coverage.base.values()) if coverage.base else None))
    columns = ("branches", "taken %", "difference", "statements %")
    said = (
        f"Compared with {coverage.base_name}."
        if coverage.base
        else f"There is no base to compare with: {coverage.base_name}."
    )
    least = sorted(coverage.files.items(), key=lambda entry: entry[1].taken_branches - entry[1].branches)
    lacking = tuple(
        (Span(file, code=True), f"{figures.branches - figures.taken_branches}", f"{figures.branch_percent:.0f}")
        for file, figures in least[:LEAST_COVERED]
        if figures.branches > figures.taken_branches
    )
    blocks: list[Block] = [Paragraph(said), Table(("package", *columns), tuple(rows), frozenset(columns))]
    if lacking:
        blocks.append(
            Table(("file", "branches not taken", "taken %"), lacking, frozenset({"branches not taken", "taken %"}))
        )
    return Section(f"Coverage by {coverage.title}", tuple(blocks))


def _coverage_row(name: str, figures: Figures, base: Figures | None) -> tuple[Content, ...]:
    difference = _difference(figures.branch_percent, base)
    tone: Tone = "bad" if difference.startswith("-") else "good" if difference.startswith("+") else "plain"
    percents = (f"{figures.branch_percent:.1f}", Span(difference, tone), f"{figures.statement_percent:.1f}")
    return (name, f"{figures.branches:,}", *percents)


def _difference(percent: float, base: Figures | None) -> str:
    """Return the difference in percentage points; "" without a base, "0" where it would round to nothing."""
    if base is None:
        return ""
    points = round(percent - base.branch_percent, 1)
    return f"{points:+.1f}" if points else "0"
