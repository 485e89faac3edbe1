"""The report of a drill: printed tables, JSON document, page, Markdown, picture."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from tests.unit.redis.drill.records import NEAR, PLAIN, WAITING, any_writes, recording, steady, write

from optimus_ops.redis.drill.document import document
from optimus_ops.redis.drill.faults import PARTITION
from optimus_ops.redis.drill.record import Fact, Write
from optimus_ops.redis.drill.report import NAME, DrillReport, drill_run, summary
from optimus_ops.redis.drill.run_result import RunResult, run_result
from optimus_ops.reports.files import write_report
from optimus_ops.reports.html import page
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.terminal import terminal_text

SETTINGS = {"down-after": "500 ms"}
SVG = "{http://www.w3.org/2000/svg}"


def made(*, lost: bool = False) -> RunResult:
    writes = [*steady(98.0, 99.9), *steady(101.9, 106.0, node="two")]
    writes += [write(f"wait-{plain.id}", plain.ended, kind=WAITING, node=plain.node) for plain in writes]
    facts = {"won": Fact("nobody", holds=False)}
    return run_result(recording(writes, lost=["wait-plain-99.0"] if lost else [], facts=facts), 2.0)


def report(*results: RunResult) -> DrillReport:
    return DrillReport("shop", SETTINGS, {"kill": len(results), "pause": 0}, results, "invoke redis.drill")


def printed(report: DrillReport) -> str:
    return terminal_text(summary(drill_run(report)), colour=False, columns=200)


def test_the_table_has_the_figures_of_each_kind_of_write() -> None:
    rows = [line.split() for line in printed(report(made(), made())).splitlines()]

    assert ["wait", "2.00", "-", "2.00", "124", "/", "0", "/", "0", "0"] in [row[:10] for row in rows]
    assert any(row[:3] == ["kill", "2", "2/2"] for row in rows)


def test_a_fault_that_was_not_injected_has_no_row() -> None:
    assert "pause" not in printed(report(made()))


def test_unmet_expectations_are_told_below_the_table() -> None:
    assert "kill: no acknowledged WAIT write lost: not in 1 of 2 runs" in printed(report(made(), made(lost=True)))


def test_the_document_says_whether_all_expectations_were_met() -> None:
    good = json.loads(json.dumps(document(report(made()))))
    bad = json.loads(json.dumps(document(report(made(), made(lost=True)))))

    assert (good["result"], bad["result"]) == ("done", "unexpected")
    [fault] = bad["faults"]
    assert fault["lost"]["wait"] == [1, 1]
    assert [run["good"] for run in fault["outcomes"]] == [True, False]
    assert fault["wanted"] == 2


def test_the_keys_of_the_document_stay() -> None:
    found = json.loads(json.dumps(document(report(made()))))

    [fault] = found["faults"]
    [run] = fault["outcomes"]
    assert list(found) == ["result", "project", "settings", "targets", "faults"]
    assert set(found["targets"][0]) == {"what", "sense", "limit", "found", "unit", "source", "reached"}
    assert set(fault) == {
        *("fault", "runs", "good", "safe", "services", "outages", "unended", "switch", "restored", "elections"),
        *("lost", "writes", "slowest", "errors", "duplicates", "doomed", "last_doomed", "facts", "unmet"),
        *("wanted", "outcomes", "timeline"),
    }
    assert set(fault["restored"]) == {"count", "p50", "p95", "most"}
    assert set(fault["timeline"]) == {"began", "ended", "slots", "happenings"}
    assert set(fault["timeline"]["happenings"][0]) == {"at", "who", "what"}
    assert set(run) == {
        *("number", "seconds", "moments", "outages", "accounts", "facts", "good", "expected", "unmet"),
    }
    assert set(run["accounts"]["wait"]) == {
        *("counts", "errors", "lost", "doomed", "last_doomed", "duplicates", "slowest", "false_rejections"),
    }
    assert run["moments"]["first_switch"] == 1.7
    assert run["facts"] == {"won": "no: nobody"}
    assert fault["facts"] == {"won": {"no": 1}}


def test_a_drill_that_was_cut_short_is_incomplete() -> None:
    assert document(DrillReport("shop", SETTINGS, {"kill": 2}, (made(),)))["result"] == "incomplete"


def test_the_page_has_a_section_with_a_picture_for_each_fault() -> None:
    text = page(drill_run(report(made(), made(lost=True))))

    assert 'href="#kill"' in text
    assert 'id="kill"' in text
    assert text.count("<svg") == 1
    assert "no acknowledged WAIT write lost: 1" in text


@given(any_writes())
def test_any_run_has_a_picture(writes: list[Write]) -> None:
    near = [write(f"n{number}", plain.ended, plain.outcome, kind=NEAR) for number, plain in enumerate(writes)]
    found = run_result(recording([*writes, *near], kinds=(PLAIN, NEAR), fault=PARTITION), 2.0)

    frame = ElementTree.fromstring(timeline_svg(found.timeline))

    _left, _top, width, height = (float(number) for number in frame.attrib["viewBox"].split())
    bars = [bar.attrib for bar in frame.iter(f"{SVG}rect") if "x" in bar.attrib]
    assert all(0 <= float(bar["x"]) <= width and 0 <= float(bar["y"]) <= height for bar in bars)


def test_the_picture_names_who_did_what_and_when() -> None:
    drawn = timeline_svg(made().timeline)

    assert "s1: down after 0.50 s" in drawn
    assert "two: is master after 1.00 s" in drawn


def test_the_markdown_has_settings_tables_and_a_picture() -> None:
    text = markdown(drill_run(report(made())))

    assert "Measured with `invoke redis.drill`: down-after 500 ms." in text
    assert "| kill" in text
    assert f"({NAME}.svg)" in text


def test_the_document_is_written_beside_the_page(tmp_path: Path) -> None:
    found = report(made())

    paths = write_report(drill_run(found), tmp_path, NAME, document(found))

    assert {path.name for path in paths} == {f"{NAME}.{suffix}" for suffix in ("md", "html", "svg", "json")}
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["project"] == "shop"
