from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import fromstring

from tests.unit.loadtest.results import KEY, PROFILE, QUIET, result_of, second

from optimus_ops.loadtest.compare import compare
from optimus_ops.loadtest.document import document
from optimus_ops.loadtest.judgement import judge
from optimus_ops.loadtest.model import LoadResult, PlatformSample, Threshold, WorkerFacts
from optimus_ops.loadtest.pictures import load_timeline, slotted
from optimus_ops.loadtest.report import load_report, summary
from optimus_ops.reports.files import report_files
from optimus_ops.reports.junit import junit
from optimus_ops.reports.spans import plain_text
from optimus_ops.reports.terminal import terminal_text

INTERVALS = [
    *(second(number, [0.01] * 10) for number in range(10)),
    *(second(number, [0.2] * 3, QUIET, failed=1) for number in range(10)),
]
SAMPLES = (
    PlatformSample(0, {"replicas ai-engine": 1, "queue waiting": 0}),
    PlatformSample(4, {"replicas ai-engine": 3, "queue waiting": 250}),
    PlatformSample(8, {"replicas ai-engine": 3, "queue waiting": 0}),
)


def full() -> LoadResult:
    thresholds = (Threshold(KEY, "p95", 0.5), Threshold(QUIET, "failures", 0.1))
    result = result_of(INTERVALS, profile=replace(PROFILE, thresholds=thresholds), samples=SAMPLES)
    return replace(result, comparisons=compare([INTERVALS], INTERVALS))


def test_a_terminal_shows_all_but_pictures() -> None:
    result = full()
    text = terminal_text(summary(load_report(result, judge(result))), colour=False, columns=160)
    for words in (
        "1 of 2 objectives missed",
        "140 requests, 14 a second, 10 failed",
        "globex: 75.0% answered right",
        "status 500",
        "no difference seen",
        "replicas ai-engine",
    ):
        assert words in text
    assert "Over time" not in text


def test_how_late_requests_were_sent_is_told_for_each_tenant() -> None:
    flood, quiet = second(0, [1.0]), second(0, [0.01], QUIET)
    flood.delay.record(0.9)
    text = terminal_text(
        summary(load_report(found := result_of([flood, quiet]), judge(found))), colour=False, columns=160
    )
    assert "Requests were sent at most 900 ms (acme), 1 ms (globex) late" in " ".join(text.split())
    text = terminal_text(summary(load_report(found := result_of([flood]), judge(found))), colour=False, columns=160)
    assert "Requests were sent at most 900 ms late" in " ".join(text.split())


def test_files_for_people_and_programs_have_the_pictures() -> None:
    result = full()
    files = report_files(load_report(result, judge(result)), "load-test", document(result, judge(result)))
    assert {"load-test-rate.svg", "load-test-latency.svg", "load-test-platform.svg"} <= set(files)
    assert "load-test-latency.svg" in files["load-test.md"]
    assert "ms</text>" in files["load-test-latency.svg"]
    page = fromstring(files["load-test.html"].partition("\n")[2])
    assert len([part for part in page.iter() if part.tag.endswith("svg")]) >= 3


def test_objectives_and_validity_are_tests_of_junit() -> None:
    result = full()
    root = fromstring(junit(load_report(result, judge(result))))
    failures = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failures == ["chat globex: failures"]
    names = {case.get("name") for case in root.iter("testcase")}
    assert {"processor", "workers", "achieved", "chat acme: p95"} <= names


def test_an_invalid_run_says_so_first() -> None:
    result = result_of(INTERVALS, workers=(WorkerFacts(0, (0.99,) * 10),))
    headline = plain_text(load_report(result, judge(result)).headline)
    assert headline.startswith("invalid run: 99% of a core")
    assert document(result, judge(result))["valid"] is False


def test_a_picture_of_a_long_run_has_no_more_bars_than_it_can_show() -> None:
    profile = replace(PROFILE, seconds=3600.0)
    result = result_of([second(number, [0.01]) for number in range(3600)], profile=profile)
    step, slots = slotted(result, None)
    assert step == 30
    assert [slot.ok for slot in slots] == [30] * 120
    [series] = load_timeline(result).series
    assert series.end == 3600


def test_nothing_measured_is_a_report_too() -> None:
    result = result_of([])
    report_files(load_report(result, judge(result)), "load-test", document(result, judge(result)))


def test_the_document_of_a_long_run_has_longer_intervals() -> None:
    profile = replace(PROFILE, seconds=3600.0)
    result = result_of([second(number, [0.01, 0.02]) for number in range(3600)], profile=profile)
    intervals = document(result, judge(result))["intervals"]
    assert len(intervals) == 300
    assert [interval["second"] for interval in intervals[:3]] == [0, 12, 24]
    assert sum(interval["ok"] for interval in intervals) == 7200
