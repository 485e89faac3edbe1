from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.__main__ import Extent, attempt, sections_named
from benchmarks.report import CHANGES, PLATFORM, failed_section, is_complete, report
from benchmarks.same_answer import WrongAnswer
from benchmarks.section import Blocks, paragraph, samples

from optimus_ops.reports.json_document import document as json_document
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Section
from optimus_ops.reports.spans import Span

FACTS = {"cores": "2 (x86_64)", "measured on": "2026-01-02 in 61 s"}
GOOD = Objective("Quick", "at most", 1.5, 1.0, basis="5 pairs")
BAD = Objective("Slow", "at most", 1.3, 2.5, "s", "5 pairs")
STARTUP = Section("Start-up", (GOOD, samples({"list": [1, 2]})))
REPORT = report(PLATFORM, (STARTUP, Section("Scale", (BAD, paragraph("Done with `invoke`.")))), FACTS)


def test_every_objective_stands_with_its_number_and_verdict() -> None:
    lines = markdown(REPORT).splitlines()
    assert "| Quick | at most 1.5 | 1 | met | 5 pairs |" in lines
    assert "| Slow | at most 1.3 s | 2.5 s | **missed** | 5 pairs |" in lines


def test_the_report_begins_with_how_many_objectives_were_met() -> None:
    assert "1 of 2 objectives met, 1 missed." in markdown(REPORT)


def test_it_says_on_what_when_and_how_to_do_it_again() -> None:
    text = markdown(REPORT)
    facts = ("cores 2", "2026-01-02", "`.venv/bin/python -m benchmarks`", "Done with `invoke`.")
    assert [fact for fact in facts if fact not in text] == []


def test_a_section_that_failed_is_reported_and_has_no_numbers() -> None:
    failed = report(PLATFORM, (failed_section("Throughput", "nobody answers"),), FACTS)
    assert "not measured: nobody answers" in markdown(failed)
    assert "0 of 0 objectives met; nothing measured of: Throughput." in markdown(failed)


def test_samples_are_for_programs_and_not_in_the_table() -> None:
    assert "list" not in markdown(REPORT)
    [measurement] = json_document(REPORT)["measurements"]
    assert (measurement["name"], measurement["unit"], measurement["samples"]) == ("list", "s", [1, 2])


def test_a_section_that_fails_does_not_end_the_others() -> None:
    def measure() -> Blocks:
        raise ExceptionGroup("several", [WrongAnswer("status 503"), WrongAnswer("status 503")])

    assert attempt("throughput", measure) == failed_section("Throughput", "status 503")


def test_a_report_is_complete_when_everything_was_measured_met_or_missed() -> None:
    unmeasured = Section("Load", (replace(GOOD, measured=None),))
    assert is_complete(REPORT)
    assert not is_complete(replace(REPORT, sections=(unmeasured,)))
    assert not is_complete(replace(REPORT, sections=(failed_section("Load", "nobody answers"),)))


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


def test_code_stands_between_backticks() -> None:
    assert paragraph("Run `invoke` twice.").content == ("Run ", Span("invoke", code=True), " twice.")
