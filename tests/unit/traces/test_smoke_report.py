"""What people and programs are told by the smoke test of traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.traces.fake_platform import FakePlatform
from tests.unit.traces.smoke_run import smoke

from optimus_ops.errors import OpsError
from optimus_ops.traces.smoke import report


def test_the_document_says_what_programs_need(capsys: pytest.CaptureFixture[str]) -> None:
    result = smoke(FakePlatform(lost={"worker"}))
    with pytest.raises(OpsError):
        report.show(result, None, json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    order, refused = document["probes"]
    assert order["diagnosis"]["hop"] == "worker process orders"
    assert (refused["ok"], refused["diagnosis"], refused["spans"]) == (True, None, 3)
    assert refused["seconds_by_id"] >= 0


def test_people_get_the_tree_the_checks_and_the_cause(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = smoke(FakePlatform(lost={"worker INSERT orders"}))
    with pytest.raises(OpsError):
        report.show(result, tmp_path, json=False)
    text = capsys.readouterr().out
    assert "order: failed" in text
    assert "refused order: ok" in text
    assert "process orders" in text
    assert "✗ worker INSERT*: span not made" in text
    assert {path.name for path in tmp_path.iterdir()} == {f"trace-smoke-test.{end}" for end in ("md", "html", "json")}
    assert "span not made" in (tmp_path / "trace-smoke-test.md").read_text()


def test_a_whole_run_is_shown_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(smoke(FakePlatform()), None, json=False)
    assert "2 of 2 requests are traced whole" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [False, True])
def test_the_result_is_printed_before_a_report_that_can_not_be_written(
    as_json: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OpsError, match="the report can't be written") as raised:
        report.show(smoke(FakePlatform()), tmp_path / "taken", json=as_json)
    assert raised.value.exit_code == 1
    printed = capsys.readouterr().out
    assert json.loads(printed)["ok"] if as_json else "2 of 2 requests are traced whole" in printed
