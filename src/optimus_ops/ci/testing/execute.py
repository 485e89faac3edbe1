"""`invoke ci.tests`: results and coverage of test sessions as one report, judged."""

from __future__ import annotations

import datetime
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.ci.affected_task import default_base
from optimus_ops.ci.git_changes import changes_of_lines, commits_before, merge_base
from optimus_ops.ci.testing.benchmark_changes import changed_tables
from optimus_ops.ci.testing.coverage_figures import by_package, keep_figures, kept_figures, read_coverage, read_lines
from optimus_ops.ci.testing.junit_file import read_junit
from optimus_ops.ci.testing.limits import read_limits
from optimus_ops.ci.testing.sessions_report import (
    Coverage,
    SessionsFound,
    sessions_checks,
    sessions_json,
    sessions_report,
)
from optimus_ops.ci.testing.untested_lines import changed_lines, untested_findings
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.git_checkout import head_commit, uncommitted
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.json_document import document
from optimus_ops.reports.terminal import print_run
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.ci.testing.coverage_figures import Figures
    from optimus_ops.project.settings import Project
    from optimus_ops.reports.model import Finding

NAME = "tests"
BENCHMARKS = "docs/benchmarks"
JUDGED = ("unit", "e2e")
"""The sessions whose coverage together has a limit."""


@dataclass(frozen=True)
class ReportRequest:
    """What is asked for.

    Args:
        results: folder with a folder for each session.
        sessions: those that the report is about; all that have results if there are none.
        base: what coverage and benchmarks are compared with; "" for the usual one.
        report: folder for the report's files; "" for none.
    """

    results: str
    sessions: tuple[str, ...]
    base: str
    report: str
    json: bool = False


def report_tests(request: ReportRequest) -> None:
    """Print the report, write its files, and keep the figures of this commit.

    Raises:
        OpsError: tests failed, more were flaky than may be, or coverage is below its limit.
        Refused: there are no results, or they can't be read.
    """
    project = load_project()
    found = find_tests(project, request)
    run = sessions_report(found, facts(project))
    data = sessions_json(found, document(run))
    console = Console.standard(json=request.json)
    if request.json:
        print_json(data)
    else:
        print_run(run, console)
    leave_report(run, request.report, NAME, console, data)
    failed = [f"{check.subject}: {check.found}" for check in sessions_checks(found) if check.verdict == "failed"]
    if failed:
        raise OpsError("; ".join(failed), "the report names tests, places and files")


def find_tests(project: Project, request: ReportRequest) -> SessionsFound:
    """Read the results of the sessions; figures of coverage are compared, and kept where all is committed."""
    folder = project.root / request.results
    names = request.sessions or tuple(sorted(path.parent.name for path in folder.glob("*/junit.xml")))
    if not names:
        raise Refused(f"no results of tests in {request.results}", "nox -s unit (or another session) makes some")
    sessions = tuple(read_junit(folder / name / "junit.xml", name) for name in names)
    limits = read_limits(project.root)
    base, lack = _base_commit(project.root, request.base)
    coverage = _coverage(project, folder, names, base, lack)
    benchmarks = tuple(changed_tables(project.root, base, BENCHMARKS)) if base else ()
    return SessionsFound(sessions, limits, coverage, benchmarks)


def facts(project: Project) -> dict[str, str]:
    """Return what the figures depend on."""
    now = datetime.datetime.now(datetime.UTC)
    commit = head_commit(project.root)[:12]
    return {
        "commit": f"{commit} and {count} uncommitted files" if (count := uncommitted(project.root)) else commit,
        "Python": platform.python_version(),
        "made": f"{now:%Y-%m-%d %H:%M} UTC",
    }


def _base_commit(root: Path, asked: str) -> tuple[str, str]:
    """Return the merge base, or "" and why there is none: only one that was asked for must be there.

    Raises:
        Refused: the base that was asked for is none.
    """
    try:
        return merge_base(root, asked or default_base()), ""
    except Refused as error:
        if asked:
            raise
        return "", error.message


def _coverage(project: Project, folder: Path, names: Sequence[str], base: str, lack: str) -> tuple[Coverage, ...]:
    together = folder / "coverage.json"
    found = []
    if set(JUDGED) <= set(names) and together.is_file():
        files = read_coverage(together)
        kept, said = _base_figures(project, base) if base else ({}, lack)
        untested = _untested(project.root, base, together)
        found.append(Coverage(" and ".join(JUDGED), files, kept, said, judged=True, untested=untested))
        if not uncommitted(project.root):
            keep_figures(project.state / "coverage", head_commit(project.root), by_package(files))
        names = [name for name in names if name not in JUDGED]
    alone = {name: folder / name / "coverage.json" for name in names}
    return (*found, *(Coverage(name, read_coverage(path)) for name, path in alone.items() if path.is_file()))


def _untested(root: Path, base: str, coverage: Path) -> tuple[Finding, ...]:
    """Return what the change has that no test runs; nothing where there is nothing to compare with."""
    changed = changed_lines(changes_of_lines(root, base, "*.py")) if base else {}
    return untested_findings(changed, read_lines(coverage)) if changed else ()


def _base_figures(project: Project, base: str) -> tuple[dict[str, Figures], str]:
    """Return the figures of the nearest commit at or before the merge base, and its name for people."""
    commits = commits_before(project.root, base)
    found = kept_figures(project.state / "coverage", commits)
    if found is None:
        return {}, f"no figures of {base[:12]} or of {len(commits) - 1} commits before it are kept here"
    commit, figures = found
    behind = commits.index(commit)
    where = f"{behind} commit{'s' * (behind > 1)} before the base" if behind else "the base"
    return figures, f"{commit[:12]}, {where}"
