"""Runs beside one another, and over time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.support.task_outcome import TaskOutcome
from tests.unit.evals.conftest import SUITE, Shop

from optimus_ops.evals.compare import compare
from optimus_ops.evals.history import history

WORSE = "You talk to {{name}}. Say nothing\n"


@pytest.fixture
def runs(shop: Shop, tmp_path: Path) -> Path:
    """Return a folder with the reports of a good run and, later, of a worse one."""
    for at, (name, prompt) in enumerate({"a": "", "b": WORSE}.items()):
        if prompt:
            shop.write("prompts/greet/en.md", prompt)
        shop.evaluate(report=str(tmp_path / "runs" / name))
        _edit(tmp_path / "runs" / name, at=1_700_000_000 + at)
    return tmp_path / "runs"


def _edit(folder: Path, **changed: Any) -> None:
    file = folder / "llm-eval.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_runs_are_compared_case_by_case(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = str(runs / "a"), str(runs / "b" / "llm-eval.json")
    outcome = TaskOutcome.of(lambda: compare(first, second, json=True), capsys, as_json=True)

    (row,) = outcome.document["metrics"]
    assert (row["suite"], row["cases"], row["before"], row["now"]) == ("greetings", 2, 1.0, 0.0)
    assert [(case["case"], case["by"], case["answer"]) for case in outcome.document["cases"]] == [
        ("morning", -1.0, "nothing to the morning"),
        ("evening", -1.0, "nothing to the evening"),
    ]
    shown = TaskOutcome.of(lambda: compare(first, second, json=False), capsys, as_json=False).printed
    assert "2 scores of cases got worse, 0 better." in shown
    assert "greetings/morning  -100  nothing to the morning" in shown


def test_answers_that_differ_are_beside_one_another_on_a_page(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "compared"
    first, second = str(runs / "a"), str(runs / "b")
    TaskOutcome.of(lambda: compare(first, second, report=str(folder), json=False), capsys, as_json=False)

    page = (folder / "evals-compare.html").read_text()
    assert "<del>hello </del>to the morning" in page
    assert "<ins>nothing </ins>to the morning" in page
    assert '<option value="worse">worse (2)</option>' in page
    assert (
        json.loads((folder / "evals-compare.json").read_text())["cases"][0]["answer_before"] == "hello to the morning"
    )


def test_suites_that_can_t_be_compared_are_named(shop: Shop, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write("suites/other.yaml", SUITE)
    shop.write("suites/greetings.yaml", SUITE.replace("the first one", "another one"))
    shop.evaluate(report=str(runs / "c"))
    shop.evaluate(suites=("other",), report=str(runs / "d"))

    outcome = TaskOutcome.of(lambda: compare(str(runs / "d"), str(runs / "c"), json=True), capsys, as_json=True)
    assert outcome.document["not_compared"] == {"greetings": f"only in {runs / 'c' / 'llm-eval.json'}"}
    nothing = TaskOutcome.of(lambda: compare(str(runs / "a"), str(runs / "c"), json=True), capsys, as_json=True)
    assert nothing.code == 2


def test_the_history_shows_each_metric_over_time_whatever_happened_to_the_files(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.utime(runs / "a" / "llm-eval.json")

    shown = TaskOutcome.of(lambda: history(str(runs), json=False), capsys, as_json=False).printed

    row = next(line.split() for line in shown.splitlines() if line.startswith("greetings"))
    assert row == ["greetings", "m", "2", "2", "0.0", "100.0", "0.0", "-100.0", "█▁"]
    assert "runs 2" in shown


def test_runs_of_other_cases_are_told_apart(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suites = json.loads((runs / "b" / "llm-eval.json").read_text())["suites"]
    _edit(runs / "b", suites=[{**suites[0], "digest": "another"}])

    shown = TaskOutcome.of(lambda: history(str(runs), json=False), capsys, as_json=False).printed

    row = next(line.split() for line in shown.splitlines() if line.startswith("greetings"))
    assert row[-2:] == ["-", "█|▁"]


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', '{"schema": 1, "model": "m", "suites": [{}]}'])
def test_what_is_no_run_is_refused(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(text)

    for call in (
        lambda: compare(str(tmp_path / "x.json"), str(tmp_path), json=False),
        lambda: history(str(tmp_path), json=False),
    ):
        outcome = TaskOutcome.of(call, capsys, as_json=False)
        assert outcome.code == 2
