"""The report: table, JSON document, and a page that needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from tests.unit.redis.drill.records import NEAR, PLAIN, WAITING, any_writes, recording, steady, write

from optimus_ops.errors import OpsError
from optimus_ops.redis.drill.faults import FAULTS, chosen_faults
from optimus_ops.redis.drill.files import write_report
from optimus_ops.redis.drill.outcomes import Outcome, outcome
from optimus_ops.redis.drill.page import page
from optimus_ops.redis.drill.picture import picture
from optimus_ops.redis.drill.record import Write
from optimus_ops.redis.drill.report import Report, document
from optimus_ops.redis.drill.tables import markdown, report_text

KILL = FAULTS[0]
[PARTITION] = chosen_faults(("partition",))
SETTINGS = {"down-after": "500 ms"}


def made(*, lost: bool = False) -> Outcome:
    writes = [*steady(98.0, 99.9), *steady(101.9, 106.0, node="two")]
    writes += [write(f"wait-{one.id}", one.ended, kind=WAITING, node=one.node) for one in writes]
    return outcome(KILL, recording(writes, lost=["wait-plain-99.0"] if lost else []), 2.0)


def report(*outcomes: Outcome) -> Report:
    return Report("shop", SETTINGS, {"kill": len(outcomes), "pause": 0}, outcomes)


class Elements(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "br", "link", "img"}:
            self.open.append(tag)

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _attributes in self.found}

    @property
    def references(self) -> list[str]:
        referring = {"src", "href", "data", "action"}
        return [value for _tag, attributes in self.found for name, value in attributes.items() if name in referring]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in {"meta", "br", "link", "img"}:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_table_has_the_figures_of_each_kind_of_write() -> None:
    text = report_text(report(made(), made()))

    rows = [line.split() for line in text.splitlines()]
    assert ["wait", "2.00", "-", "2.00", "124", "/", "0", "/", "0", "0"] in [row[:10] for row in rows]
    assert any(row[:3] == ["kill", "2", "2/2"] for row in rows)


def test_a_fault_that_was_not_made_has_no_row() -> None:
    assert "pause" not in report_text(report(made()))


def test_what_was_not_as_expected_is_told_below_the_table() -> None:
    assert "kill: no acknowledged WAIT write lost: not in 1 of 2 runs" in report_text(report(made(), made(lost=True)))


def test_the_document_is_json_and_says_whether_all_was_as_expected() -> None:
    good = json.loads(json.dumps(document(report(made()))))
    bad = json.loads(json.dumps(document(report(made(), made(lost=True)))))

    assert (good["result"], bad["result"]) == ("done", "unexpected")
    [fault] = bad["faults"]
    assert fault["lost"]["wait"] == [1, 1]
    assert [run["good"] for run in fault["outcomes"]] == [True, False]
    assert fault["wanted"] == 2


def test_a_drill_that_was_cut_short_is_not_done() -> None:
    assert document(Report("shop", SETTINGS, {"kill": 2}, (made(),)))["result"] == "incomplete"


def test_the_page_is_well_formed_and_refers_to_nothing_elsewhere() -> None:
    elements = Elements()
    text = page(report(made(), made(lost=True)))

    elements.feed(text)

    assert elements.open == []
    assert not {"script", "link", "img", "iframe", "object"} & elements.tags
    assert all(reference.startswith("#") for reference in elements.references)
    assert not re.search(r"@import|url\(", text)


def test_the_page_shows_text_as_text() -> None:
    text = page(Report("shop", {"host": "<b>&"}, {"kill": 1}, (made(),)))

    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text


@given(any_writes())
def test_any_run_has_a_picture(writes: list[Write]) -> None:
    near = [write(f"n{number}", one.ended, one.outcome, kind=NEAR) for number, one in enumerate(writes)]
    found = outcome(PARTITION, recording([*writes, *near], kinds=(PLAIN, NEAR)), 2.0)

    elements = Elements()
    elements.feed(picture(found.timeline, "a <run>"))

    [frame] = [attributes for tag, attributes in elements.found if tag == "svg"]
    width, height = (float(number) for number in frame["viewbox"].split()[2:])
    bars = [attributes for tag, attributes in elements.found if tag == "rect"]
    assert elements.open == []
    assert all(0 <= float(bar["x"]) <= width and 0 <= float(bar["y"]) <= height for bar in bars)


def test_the_picture_names_who_did_what_and_when() -> None:
    drawn = picture(made().timeline, "kill")

    assert "s1: down after 0.50 s" in drawn
    assert "two: is master after 1.00 s" in drawn


def test_a_table_in_markdown_has_a_cell_for_each_column() -> None:
    lines = [line for line in markdown(report(made()), "invoke redis.drill").splitlines() if line.startswith("|")]

    tables = {line.count("|") for line in lines}
    heads = [line for line in lines if "---" in line]
    assert tables == {head.count("|") for head in heads}
    assert len(heads) == 2


def test_all_files_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"

    paths = write_report(report(made()), folder, "invoke redis.drill")

    assert {path.suffix for path in paths} == {".md", ".html", ".svg", ".json"}
    assert json.loads((folder / "redis-drill.json").read_text())["project"] == "shop"
    assert (folder / "redis-drill.svg").read_text().startswith("<svg")
    assert "`invoke redis.drill`" in (folder / "redis-drill.md").read_text()


def test_a_report_that_can_not_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OpsError, match="the report can't be written"):
        write_report(report(made()), tmp_path / "file", "invoke redis.drill")
