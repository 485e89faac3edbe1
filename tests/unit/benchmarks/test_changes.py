from __future__ import annotations

from benchmarks.cases import CASES, Setting, is_as
from benchmarks.changes import OURS, PLAIN, CaseRun, Comparison, section
from benchmarks.chat import SERVED_BY
from benchmarks.impact import ChangeWindow, Impact, measure_impact
from benchmarks.mix import Kind
from benchmarks.scale_out import Ours, Plain, seconds_of_steps
from benchmarks.scale_out import section as growth_section
from benchmarks.section import objectives_of, paragraph
from benchmarks.versions import NEW, OLD, Versions

from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.reports.measurement import Measurement
from optimus_ops.reports.model import Details, Table
from optimus_ops.reports.pictures import Chart
from optimus_ops.reports.svg_chart import chart_svg

WINDOW = ChangeWindow(began=100.0, ended=104.0, stopped=110.0, replicas=("new",))
IMAGES = Versions({OLD: "x:old", NEW: "x:new"}, {OLD: "sha256:1", NEW: "sha256:2"}, {})
STATUS, CUT, RESET = ErrorKind.STATUS, ErrorKind.TRUNCATED, ErrorKind.RESET


def result(kind: Kind, began: float, ended: float, error: ErrorKind | None = None) -> RequestResult:
    headers = {} if error else {SERVED_BY: "new"}
    return RequestResult("", kind.value, began, began, ended, status=502, error=error, headers=headers)


def impact_with(*errors: ErrorKind) -> Impact:
    good = [result(Kind.QUICK, 99 + at / 10, 99.01 + at / 10) for at in range(100)]
    return measure_impact([*good, *(result(Kind.QUICK_STREAM, 102.0, 102.5, error) for error in errors)], WINDOW)


def comparison(ours: CaseRun, plain: CaseRun) -> Comparison:
    return Comparison(CASES[0], ours, plain)


def test_only_what_we_lost_decides_and_plain_stands_beside_it() -> None:
    found = section([comparison(impact_with(), impact_with(STATUS, STATUS, CUT))])
    [objective] = objectives_of(found)
    assert objective.verdict == "met"
    assert "plain: 3 of 103" in objective.basis


def test_cut_streams_count_as_much_as_failed_requests() -> None:
    [objective] = objectives_of(section([comparison(impact_with(CUT, RESET), impact_with())]))
    assert (objective.measured, objective.verdict) == (2, "missed")


def test_a_case_that_failed_is_not_measured_and_says_why_in_a_line() -> None:
    failed = "`invoke deploy` ended with 1:\n  a\n  b"
    [objective] = objectives_of(section([comparison(failed, impact_with())]))
    assert objective.verdict == "not measured"
    assert objective.basis.startswith("`invoke deploy` ended with 1:; plain")


def test_the_table_tells_failures_by_kind() -> None:
    ours, plain = impact_with(), impact_with(STATUS, RESET, STATUS, CUT)
    [table] = [block for block in section([comparison(ours, plain)]) if isinstance(block, Table)]
    first, second = table.rows
    assert first[1:6] == (OURS, "100", "0", "0", "4.0 s")
    assert second[1:6] == (PLAIN, "104", "3 (2 x 502, 1 x reset)", "1", "4.0 s")


def test_the_picture_says_what_each_way_lost_and_what_was_not_measured() -> None:
    found = section([comparison(impact_with(STATUS), "no engine")])
    [chart] = [block for block in found if isinstance(block, Chart)]
    text = str(chart_svg(chart))
    assert "1 lost of 101, change took 4.0 s" in text
    assert f"{PLAIN} not measured" in text


def test_the_counts_of_each_second_are_kept() -> None:
    found = section([comparison(impact_with(STATUS), "no engine")])
    [details] = [block for block in found if isinstance(block, Details)]
    answered, failed = [block for block in details.blocks if isinstance(block, Measurement)]
    assert (answered.name, sum(failed.samples)) == (f"{CASES[0].title}, {OURS}, from second 0 on: answered", 1)


def test_each_case_ends_otherwise_than_it_begins() -> None:
    assert all(case.before != case.after for case in CASES)
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_replica_is_as_it_should_be_with_its_image_and_its_environment() -> None:
    replica = {"Image": "sha256:2", "Config": {"Env": ["LOG_LEVEL=warning", "PORT=8010"]}}
    assert is_as(replica, IMAGES, Setting(version=NEW, log_level="warning"))
    assert not is_as(replica, IMAGES, Setting(version=OLD, log_level="warning"))
    assert not is_as(replica, IMAGES, Setting(version=NEW))


def test_the_journal_tells_where_the_time_went() -> None:
    lines = [
        '{"at": "1970-01-01T00:00:10.500+00:00", "event": "begin"}',
        '{"at": "1970-01-01T00:00:10.600+00:00", "event": "step", "step": {"step": "start"}}',
        '{"at": "1970-01-01T00:00:11.500+00:00", "event": "step-done", "step": "start", "seconds": 0.9}',
        '{"at": "1970-01-01T00:00:12.000+00:00", "event": "done"}',
    ]
    assert seconds_of_steps(lines, 10.0, 12.25) == {"before": 0.5, "start": 0.9, "behind": 0.25}


def test_scaling_out_is_compared_with_both_ends_of_plain() -> None:
    ours = [Ours(3.0, {"start": 1.0}), Ours(2.4, {"start": 0.5})]
    found = growth_section(ours, [Plain(2.0, 3.0)] * 2)
    assert [round(objective.measured or 0, 2) for objective in objectives_of(found)] == [1.35, 0.9]
    assert paragraph("Where our time goes (medians, by the journal): start 0.75 s.") in found
