from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from benchmarks.__main__ import Extent, attempt, parts_named, write
from benchmarks.figures import Figure, Target
from benchmarks.http_wire import BadAnswer
from benchmarks.machine import Machine
from benchmarks.report import CHANGES, PLATFORM, Report, document, markdown
from benchmarks.section import Part

MACHINE = Machine(2, 2**33, "6.1", "x86_64", "3.11.0", "26.1.5", 0.1)
GOOD = Figure("Quick", 1.0, Target(1.5), "5 pairs")
BAD = Figure("Slow", 2.5, Target(1.3, "s"), "5 | pairs")
REPORT = Report(
    (Part("startup", (GOOD,), {"seconds": [1, 2]}), Part("scale", (BAD,), notes=("How it was done.",))),
    MACHINE,
    date(2026, 1, 2),
    61.0,
    PLATFORM,
)


def test_every_target_stands_with_its_number_and_verdict() -> None:
    lines = markdown(REPORT).splitlines()
    assert "| Quick | at most 1.5 | 1 | met | 5 pairs |" in lines
    assert "| Slow | at most 1.3 s | 2.5 s | **missed** | 5 / pairs |" in lines


def test_the_report_begins_with_how_many_targets_were_met() -> None:
    assert "1 of 2 targets met, 1 missed." in markdown(REPORT)


def test_it_says_on_what_when_and_how_to_do_it_again() -> None:
    text = markdown(REPORT)
    assert all(
        fact in text
        for fact in ("2 cores", "8 GiB", "2026-01-02", "    .venv/bin/python -m benchmarks\n", "How it was done.")
    )


def test_a_part_that_failed_is_told_and_has_no_numbers() -> None:
    report = replace(REPORT, parts=(Part("throughput", failed="nobody answers"),))
    assert "Not measured: nobody answers" in markdown(report)
    assert "0 of 0 targets met, 0 missed; nothing measured of: throughput." in markdown(report)
    assert json.loads(document(report))["parts"]["throughput"]["failed"] == "nobody answers"


def test_the_document_holds_figures_and_what_they_were_made_from() -> None:
    parts = json.loads(document(REPORT))["parts"]
    assert parts["startup"]["raw"] == {"seconds": [1, 2]}
    assert [figure["verdict"] for part in parts.values() for figure in part["figures"]] == ["met", "missed"]


def test_a_part_that_fails_does_not_end_the_others() -> None:
    def measure() -> Part:
        raise ExceptionGroup("several", [BadAnswer("status 503"), BadAnswer("status 503")])

    assert attempt("throughput", measure) == Part("throughput", failed="status 503")


def test_a_report_is_complete_when_everything_was_measured_met_or_missed() -> None:
    unmeasured = Part("load", (replace(GOOD, measured=None),))
    assert REPORT.complete
    assert not replace(REPORT, parts=(unmeasured,)).complete
    assert not replace(REPORT, parts=(Part("load", failed="nobody answers"),)).complete


def test_without_names_the_platform_is_measured_and_a_report_stands_for_its_parts() -> None:
    assert parts_named([]) == tuple(PLATFORM.parts)
    assert parts_named(["changes", "startup"]) == ("startup", *CHANGES.parts)
    assert parts_named(["planning"]) == ("planning",)


@pytest.mark.parametrize(
    ("extent", "whole"),
    [
        (Extent(tuple(CHANGES.parts)), (CHANGES,)),
        (Extent((*PLATFORM.parts, *CHANGES.parts)), (PLATFORM, CHANGES)),
        (Extent(("load",)), ()),
        (Extent(tuple(CHANGES.parts), quick=True), ()),
        (Extent(tuple(CHANGES.parts), cases=("deploy",)), ()),
    ],
)
def test_only_a_report_that_is_measured_in_full_is_kept(extent: Extent, whole: tuple[object, ...]) -> None:
    assert extent.whole == whole


def test_a_report_is_written_with_the_files_of_its_parts(tmp_path: Path) -> None:
    part = Part("load", (GOOD,), files={"changes.svg": "<svg/>"})
    write(replace(REPORT, parts=(part,), subject=CHANGES), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"changes.md", "changes.json", "changes.svg"}
    assert "    .venv/bin/python -m benchmarks changes\n" in (tmp_path / "changes.md").read_text("utf-8")
