from __future__ import annotations

import xml.etree.ElementTree as ET

from benchmarks.cases import CASES, Setting, is_as
from benchmarks.changes import OURS, PICTURE, PLAIN, Comparison, Run, part, raw_json
from benchmarks.clients import Fate, Kind
from benchmarks.figures import Verdict
from benchmarks.scale_out import Round, seconds_of_steps
from benchmarks.scale_out import part as growth_part
from benchmarks.timeline import Seen, Window, seen
from benchmarks.versions import NEW, OLD, Versions

WINDOW = Window(began=100.0, ended=104.0, stopped=110.0, there=("new",))
IMAGES = Versions({OLD: "x:old", NEW: "x:new"}, {OLD: "sha256:1", NEW: "sha256:2"}, {})


def what_was_seen(*failures: str) -> Seen:
    good = [Fate(Kind.QUICK, 99 + at / 10, 99.01 + at / 10, "", "new") for at in range(100)]
    bad = [Fate(Kind.QUICK_STREAM, 102.0, 102.5, failure, "") for failure in failures]
    return seen([*good, *bad], WINDOW)


def comparison(ours: Run, plain: Run) -> Comparison:
    return Comparison(CASES[0], ours, plain)


def test_only_what_we_lost_decides_and_plain_stands_beside_it() -> None:
    found = part([comparison(Run(what_was_seen()), Run(what_was_seen("502", "502", "cut stream")))])
    [figure] = found.figures
    assert figure.verdict is Verdict.MET
    assert "plain: 3 of 103" in figure.basis


def test_cut_streams_count_as_much_as_failed_requests() -> None:
    [figure] = part([comparison(Run(what_was_seen("cut stream", "reset")), Run(what_was_seen()))]).figures
    assert (figure.measured, figure.verdict) == (2, Verdict.MISSED)


def test_a_case_that_failed_is_not_measured_and_says_why_in_a_line() -> None:
    found = part([comparison(Run(None, "`invoke deploy` ended with 1:\n  a\n  b"), Run(what_was_seen()))])
    [figure] = found.figures
    assert figure.verdict is Verdict.UNMEASURED
    assert figure.basis.startswith("`invoke deploy` ended with 1:; plain")


def test_the_table_tells_failures_by_kind() -> None:
    found = part([comparison(Run(what_was_seen()), Run(what_was_seen("502", "reset", "502", "cut stream")))])
    rows = [
        line for note in found.notes for line in note.splitlines() if f"| {PLAIN} |" in line or f"| {OURS} |" in line
    ]
    assert "| 100 | 0 | 0 | 4.0 s |" in rows[0]
    assert "| 104 | 3 (2 x 502, 1 x reset) | 1 | 4.0 s |" in rows[1]


def test_the_part_brings_its_picture_and_its_raw_figures() -> None:
    one = comparison(Run(what_was_seen()), Run(None, "no engine"))
    found = part([one])
    assert ET.fromstring(found.files[PICTURE]).tag.endswith("svg")
    assert found.raw == {one.case.name: raw_json(one)}
    assert found.raw[one.case.name]["plain"] == {"failed": "no engine"}


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


def test_growth_is_compared_with_both_ends_of_plain() -> None:
    rounds = [Round(3.0, 2.0, 3.0, {"start": 1.0}), Round(2.4, 2.0, 3.0, {"start": 0.5})]
    found = growth_part(rounds)
    assert [round(figure.measured or 0, 2) for figure in found.figures] == [1.35, 0.9]
    assert found.raw["median_seconds_of_steps"] == {"start": 0.75}
