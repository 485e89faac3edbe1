from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.reports.samples import chart, run, timeline

from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError
from optimus_ops.reports.annotations import annotation
from optimus_ops.reports.files import report_files, write_report
from optimus_ops.reports.html import page
from optimus_ops.reports.json_document import SCHEMA, document, rounded
from optimus_ops.reports.junit import junit
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.model import Finding, Paragraph, Run, Section, Table
from optimus_ops.reports.place import Place
from optimus_ops.reports.sarif import sarif
from optimus_ops.reports.spans import Span
from optimus_ops.reports.svg_chart import chart_svg, described
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.terminal import terminal_text

PLACED = Finding("secrets/in-image", "error", "a token, 100% real", Place("services/a b/Dockerfile", 3, 7), "remove it")
SIMPLE = Run(
    title="Redis drill of optimus",
    headline="1 of 2 objectives met",
    facts={"Redis": "8.0", "host": "2 cores"},
    command="invoke redis.drill",
    sections=(
        Section(
            "Objectives",
            (
                Objective("outage of plain writes, p95", "under", 10, 8.21, "s", "20 runs"),
                Objective("lost writes", "at most", 0, 3, basis="20 runs"),
            ),
        ),
        Section(
            "Runs",
            (Table(("fault", "kind", "lost"), (("kill", "plain", "3"), ("", "wait", "0")), frozenset({"lost"})),),
        ),
    ),
)


def test_markdown_has_tables_and_says_what_was_missed() -> None:
    assert (
        markdown(SIMPLE)
        == """\
# Redis drill of optimus

1 of 2 objectives met

Measured with `invoke redis.drill`: Redis 8.0; host 2 cores.

## Objectives

| objective | target | measured | verdict | basis |
| --- | --- | ---: | --- | --- |
| outage of plain writes, p95 | under 10 s | 8.21 s | met | 20 runs |
| lost writes | at most 0 | 3 | **missed** | 20 runs |

## Runs

| fault | kind | lost |
| --- | --- | ---: |
| kill | plain | 3 |
|  | wait | 0 |
"""
    )


def test_a_terminal_has_the_same_tables() -> None:
    assert (
        terminal_text(SIMPLE, colour=False, columns=100)
        == """\
Redis drill of optimus
1 of 2 objectives met
Redis 8.0, host 2 cores

Objectives
OBJECTIVE                    TARGET      MEASURED  VERDICT  BASIS
outage of plain writes, p95  under 10 s    8.21 s  met      20 runs
lost writes                  at most 0          3  missed   20 runs

Runs
FAULT  KIND   LOST
kill   plain     3
       wait      0
"""
    )


def test_long_texts_of_checks_and_findings_leave_a_terminal_room_for_the_verdict() -> None:
    long = "what was found is told in more words than a line has " * 3
    blocks = (Check("server", "name", "failed", long, long), Finding("rule/of-it", "error", long, Place("a.py", 3)))
    shown = terminal_text(Run("t", sections=(Section("s", blocks),)), colour=False, columns=100)
    assert "…" not in shown
    assert {"VERDICT", "failed", "LEVEL", "error", "rule/of-it"} <= set(shown.split())


def test_a_page_brings_everything_it_needs() -> None:
    made = page(run())
    for word in ("<link", "@import", "url(", "http://", " src="):
        assert word not in made.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "prefers-color-scheme: dark" in made
    assert 'name="viewport"' in made


def test_a_page_links_to_its_sections() -> None:
    link = Paragraph(Span("see there", link="#All runs"))
    made = page(Run("x", sections=(Section("First", (link,)), Section("All runs"))))
    assert '<a href="#all-runs">' in made
    assert '<h2 id="all-runs">' in made


def test_a_page_has_a_panel_for_each_that_was_measured() -> None:
    made = page(Run("x", sections=(Section("Changes", (chart(),)),)))
    assert made.count('<svg xmlns="http://www.w3.org/2000/svg" class="picture panel"') == 3
    assert "not measured" in made


def test_a_timeline_shows_counts_marks_and_events() -> None:
    svg = timeline_svg(timeline(), alone=True)
    assert svg.count('class="count"') == 2 * 70 + 1
    assert svg.count('class="failure"') == 80 + 1
    assert "sentinel-2: down after 5.40 s" in svg
    assert "healed 9.0 s" in svg
    assert "<style>" in svg


def test_a_timeline_in_a_page_has_no_style_of_its_own() -> None:
    assert "<style>" not in timeline_svg(timeline())


def test_an_empty_timeline_can_be_drawn() -> None:
    empty = timeline(slots=0)
    assert ElementTree.fromstring(timeline_svg(empty)) is not None


def test_a_chart_is_told_in_words_and_shows_each_failure() -> None:
    assert described(chart()).startswith("scale scale: ours 0 lost of 3,900, scale 421 lost of 3,900 scale.")
    svg = chart_svg(chart())
    assert svg.count('class="failure"') == 7 + 1
    assert 'height="4"' in svg, "one failure of 130 is seen"
    assert "not measured" in svg


def test_a_chart_without_anything_measured_can_be_drawn() -> None:
    assert ElementTree.fromstring(chart_svg(chart()).replace("scale", "x")) is not None


def test_a_document_has_a_schema_and_figures() -> None:
    made = document(
        Run("x", sections=(Section("s", (*SIMPLE.sections[0].blocks, Measurement.median("m", [1.0, 2.0]))),))
    )
    assert made["schema"] == SCHEMA
    assert [found["verdict"] for found in made["objectives"]] == ["met", "missed"]
    assert made["measurements"][0]["value"] == 1.5
    assert made["measurements"][0]["p95"] is None


def test_numbers_of_a_document_are_rounded_and_json_has_no_nan() -> None:
    assert rounded({"a": (1 / 3, float("nan")), "b": 2}, 3) == {"a": [0.333, None], "b": 2}


def test_junit_counts_failures_and_what_was_not_measured() -> None:
    checks = Section(
        "Checks",
        (
            Check("redis-0", "memory", "failed", "99 %", "raise it"),
            Check("redis-0", "persistence", "ok", "AOF"),
            Check("", "acl", "not allowed", "ACL"),
            Objective("latency", "at most", 1, None),
            PLACED,
        ),
    )
    root = ElementTree.fromstring(junit(Run("validate", sections=(checks,))).encode())
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "2", "2")
    assert [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite][:3] == [
        ("redis-0", "memory", ["failure"]),
        ("redis-0", "persistence", []),
        ("Checks", "acl", ["skipped"]),
    ]
    assert suite[0][0].get("message") == "99 % → raise it"


def test_sarif_has_rules_and_places() -> None:
    made = sarif([PLACED, Finding("other", "note", "no file"), PLACED], "guardrails", "0.1.0")
    found = made["runs"][0]
    assert [rule["id"] for rule in found["tool"]["driver"]["rules"]] == ["secrets/in-image", "other"]
    assert [result["ruleIndex"] for result in found["results"]] == [0, 1, 0]
    assert found["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "services/a%20b/Dockerfile", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert found["results"][1]["locations"] == []


def test_an_annotation_names_the_place() -> None:
    assert annotation(PLACED) == (
        "::error file=services/a b/Dockerfile,line=3,col=7,title=secrets/in-image::a token, 100%25 real%0Aremove it"
    )
    assert annotation(Finding("a,b:c", "note", "x")) == "::notice title=a%2Cb%3Ac::x"


def test_files_are_a_page_markdown_a_document_and_pictures(tmp_path: Path) -> None:
    paths = write_report(run(), tmp_path / "new", "redis-drill")
    assert [path.name for path in paths] == [
        "redis-drill.md",
        "redis-drill.html",
        "drill.svg",
        "changes.svg",
        "intervals.svg",
        "redis-drill.json",
    ]
    assert "![kill-master](changes.svg)" in (tmp_path / "new" / "redis-drill.md").read_text()


def test_a_task_can_have_a_document_of_its_own() -> None:
    assert json.loads(report_files(run(), "x", {"result": "done"})["x.json"]) == {"result": "done"}


def test_a_folder_that_can_t_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OpsError, match=r"the report can't be written: .*file"):
        write_report(run(), tmp_path / "file", "x")
