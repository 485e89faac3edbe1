"""Which share of the whole set's time typical changes run, by the rules of `ci.affected` and recorded timings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.platform_under_test import ROOT
from benchmarks.recorded_timings import Recorded, read_recorded
from benchmarks.section import Blocks, paragraph
from optimus_ops.ci.affected import Affected, affected
from optimus_ops.ci.affected_task import project_rules
from optimus_ops.ci.git_changes import changes_since
from optimus_ops.ci.import_graph import import_graph
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Table

MOST_SHARE = 40.0
SERVICES = ("ai-engine", "backend-orchestrator", "memory-engine")
OTHERS = {
    "a service's source: one module": "services/memory-engine/src/memory_engine/app.py",
    "a service's tests": "services/ai-engine/tests/test_chat.py",
    "a page of the documentation": "docs/secrets.md",
    "a subsystem of the library": "src/optimus_ops/status/tasks.py",
    "a workflow": ".github/workflows/ci.yml",
    "the settings": "pyproject.toml",
}


def measure() -> Blocks:
    """Tell the share of each service, changed in all of its files, and of some other changes."""
    recorded, rules, files = read_recorded(), project_rules(ROOT), changes_since(ROOT, "HEAD").files
    sources = {name: (ROOT / name).read_text("utf-8", "replace") for name in files if name.endswith(".py")}
    graph = import_graph(sources)

    def find(*names: str) -> Affected:
        return affected(names, rules, graph, files)

    named = {name: find(*(file for file in files if file.startswith(f"services/{name}/"))) for name in SERVICES}
    objectives = tuple(
        Objective(
            f"Every file of {name}", "at most", MOST_SHARE, percent(found, recorded), "%", basis=taken(found, recorded)
        )
        for name, found in named.items()
    )
    return (
        *objectives,
        Table(("other changes", "file", "share", "runs"), tuple(rows(OTHERS, find, recorded)), frozenset({"share"})),
        paragraph(
            f"Times of a whole run on {recorded.day}, {recorded.seconds:.0f} s one session after the other; a session "
            "of which some tests run takes their part of its time."
        ),
    )


def rows(
    changes: Mapping[str, str], find: Callable[[str], Affected], recorded: Recorded
) -> list[tuple[str, str, str, str]]:
    """Return a row for each change."""
    found = {title: find(name) for title, name in changes.items()}
    return [
        (title, changes[title], f"{percent(needs, recorded):.0f} %", taken(needs, recorded))
        for title, needs in found.items()
    ]


def percent(found: Affected, recorded: Recorded) -> float:
    """Return the share of the whole set's time that a change needs, in percent."""
    return 100 * sum(seconds_by_session(found, recorded).values()) / recorded.seconds


def taken(found: Affected, recorded: Recorded) -> str:
    """Tell the seconds of each session."""
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in seconds_by_session(found, recorded).items())


def seconds_by_session(found: Affected, recorded: Recorded) -> dict[str, float]:
    """Return the seconds of each session that a change needs."""
    return {name: recorded.sessions[name].of(tests) for name, tests in found.sessions.items()}
