from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from benchmarks.__main__ import Extent, attempt, sections_named, write
from benchmarks.machine import Machine
from benchmarks.report import CHANGES, PLATFORM, Report, as_run, document
from benchmarks.same_answer import WrongAnswer
from benchmarks.section import BenchmarkSection, paragraph

from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.spans import Span

MACHINE = Machine(2, 2**33, "6.1", "x86_64", "3.11.0", "26.1.5", 0.1)
GOOD = Objective("Quick", "at most", 1.5, 1.0, basis="5 pairs")
BAD = Objective("Slow", "at most", 1.3, 2.5, "s", "5 pairs")
REPORT = Report(
    (
        BenchmarkSection("startup", (GOOD,), {"seconds": [1, 2]}),
        BenchmarkSection("scale", (BAD,), blocks=(paragraph("Done with `invoke`."),)),
    ),
    MACHINE,
    date(2026, 1, 2),
    61.0,
    PLATFORM,
)


def test_every_objective_stands_with_its_number_and_verdict() -> None:
    lines = markdown(as_run(REPORT)).splitlines()
    assert "| Quick | at most 1.5 | 1 | met | 5 pairs |" in lines
    assert "| Slow | at most 1.3 s | 2.5 s | **missed** | 5 pairs |" in lines


def test_the_report_begins_with_how_many_objectives_were_met() -> None:
    assert "1 of 2 objectives met, 1 missed." in markdown(as_run(REPORT))


def test_it_says_on_what_when_and_how_to_do_it_again() -> None:
    text = markdown(as_run(REPORT))
    facts = ("cores 2", "8 GiB", "2026-01-02", "`.venv/bin/python -m benchmarks`", "Done with `invoke`.")
    assert [fact for fact in facts if fact not in text] == []


def test_a_section_that_failed_is_reported_and_has_no_numbers() -> None:
    report = replace(REPORT, sections=(BenchmarkSection("throughput", failed="nobody answers"),))
    assert "Not measured: nobody answers" in markdown(as_run(report))
    assert "0 of 0 objectives met; nothing measured of: throughput." in markdown(as_run(report))
    assert document(report)["parts"]["throughput"]["failed"] == "nobody answers"


def test_the_document_holds_figures_and_what_they_were_made_from() -> None:
    sections = document(REPORT)["parts"]
    assert sections["startup"]["raw"] == {"seconds": [1, 2]}
    assert sections["scale"]["figures"] == [
        {"what": "Slow", "target": "at most 1.3 s", "measured": 2.5, "unit": "s", "verdict": "missed"}
    ]


def test_a_section_that_fails_does_not_end_the_others() -> None:
    def measure() -> BenchmarkSection:
        raise ExceptionGroup("several", [WrongAnswer("status 503"), WrongAnswer("status 503")])

    assert attempt("throughput", measure) == BenchmarkSection("throughput", failed="status 503")


def test_a_report_is_complete_when_everything_was_measured_met_or_missed() -> None:
    unmeasured = BenchmarkSection("load", (replace(GOOD, measured=None),))
    assert REPORT.complete
    assert not replace(REPORT, sections=(unmeasured,)).complete
    assert not replace(REPORT, sections=(BenchmarkSection("load", failed="nobody answers"),)).complete


def test_without_names_the_platform_is_measured_and_a_report_stands_for_its_sections() -> None:
    assert sections_named([]) == tuple(PLATFORM.sections)
    assert sections_named(["changes", "startup"]) == ("startup", *CHANGES.sections)
    assert sections_named(["planning"]) == ("planning",)


@pytest.mark.parametrize(
    ("extent", "whole"),
    [
        (Extent(tuple(CHANGES.sections)), (CHANGES,)),
        (Extent((*PLATFORM.sections, *CHANGES.sections)), (PLATFORM, CHANGES)),
        (Extent(("load",)), ()),
        (Extent(tuple(CHANGES.sections), quick=True), ()),
        (Extent(tuple(CHANGES.sections), cases=("deploy",)), ()),
    ],
)
def test_only_a_report_that_is_measured_in_full_is_kept(extent: Extent, whole: tuple[object, ...]) -> None:
    assert extent.whole == whole


def test_a_report_is_written_for_people_and_for_programs(tmp_path: Path) -> None:
    write(replace(REPORT, subject=CHANGES), tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".json", ".html"}
    assert "`.venv/bin/python -m benchmarks changes`" in (tmp_path / "changes.md").read_text("utf-8")


def test_code_stands_between_backticks() -> None:
    assert paragraph("Run `invoke` twice.").content == ("Run ", Span("invoke", code=True), " twice.")
