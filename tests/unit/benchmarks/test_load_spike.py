"""The report of a load test as a section of a benchmark's report."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.load_spike import changes_table, report_blocks
from benchmarks.report import failures
from tests.unit.loadtest.results import KEY, PROFILE, QUIET, result_of, second

from optimus_ops.loadtest.judgement import judge
from optimus_ops.loadtest.model import Threshold
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.model import Run, Section


def test_it_has_the_load_test_s_tables_and_pictures_and_tells_its_checks_in_words() -> None:
    profile = replace(PROFILE, thresholds=(Threshold(KEY, "p99", 1.0),))
    intervals = [second(number, [0.1] * 5, key) for number in range(10) for key in (KEY, QUIET)]
    result = result_of(intervals, profile=profile)
    judgement = judge(result)
    section = Section("What users waited", tuple(report_blocks(result, judgement)))
    # A check says that nothing was measured.
    assert failures(section) == []
    text = markdown(Run("Spike", sections=(section,)))
    assert "Is the run valid? processor: 20% of a core" in text
    assert "| chat | acme | 50 |" in text
    assert "load-test-rate.svg" in text
    assert "chat acme: p99" not in text, "objectives stand above"


def test_changes_are_told_since_the_first_one() -> None:
    made = [
        {"at": 1000.5, "counts": {"ai-engine": 2}, "seconds": 4.04, "outcome": "done"},
        {"at": 1003.0, "counts": {"ai-engine": 4}, "seconds": 0.1, "outcome": "skipped"},
        {"at": 1010.5, "counts": {"ai-engine": 3}, "seconds": 5.0, "outcome": "done"},
    ]
    assert changes_table(made).rows == (("1", "0", "2", "4.0"), ("2", "10", "3", "5.0"))
    assert changes_table([]).rows == ()
