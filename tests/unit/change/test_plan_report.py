"""A plan as a report, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.plan_report import plan_report
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.reports.markdown import markdown
from optimus_ops.text.console import Progress


@step("greet", "greet {name}")
class Greet(Step):
    """Greet somebody; nobody can greet the moon."""

    name: str


class Greeter(StepExecutor):
    """Greets."""

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        return {Greet: self._greet}

    def _greet(self, greeting: Greet, progress: Progress) -> None:
        if greeting.name == "moon":
            raise OpsError("nobody hears")
        progress.note = "heard"


def greetings(*names: str) -> Plan:
    return Plan(
        "shop", "greet", tuple(Greet(name=name, cause=Cause("asked <for>")) for name in names), ("it is | late",)
    )


def carried_out(greeting: Plan, folder: Path, *, plan: bool = False) -> str:
    report = folder / "report"
    with ChangeRun(folder / "state", "shop", ChangeOptions(plan=plan, report=str(report))) as run:
        run.execute(greeting, Greeter())
    assert {path.suffix for path in report.iterdir()} == {".md", ".html", ".json"}
    assert json.loads((report / "greet.json").read_text("utf-8"))
    return (report / "greet.md").read_text("utf-8")


def test_notes_are_in_sight_and_steps_on_demand(tmp_path: Path) -> None:
    text = carried_out(greetings("world"), tmp_path, plan=True)
    assert text == markdown(plan_report(greetings("world")))
    shown, _, folded = text.partition("<details>")
    assert "1 step." in shown
    assert r"- it is \| late" in shown
    assert r"| 1 |  | greet world | asked \<for\> |" in folded
    assert folded.rstrip().endswith("</details>")


def test_what_was_done_is_reported(tmp_path: Path) -> None:
    text = carried_out(greetings("world", "all"), tmp_path)
    assert "Done." in text
    assert text.count("; heard |") == 2


def test_a_failure_is_reported_with_what_was_not_reached(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="nobody hears"):
        carried_out(greetings("world", "moon", "all"), tmp_path)
    text = (tmp_path / "report" / "greet.md").read_text("utf-8")
    assert "**Failed: nobody hears; everything was undone.**" in text
    assert [line.rpartition(" | ")[2] for line in text.splitlines() if line.startswith(("| 2", "| 3"))] == [
        "failed |",
        "not reached |",
    ]


def test_an_empty_plan_says_so(tmp_path: Path) -> None:
    empty = Plan("shop", "greet")
    assert "Nothing to do." in carried_out(empty, tmp_path / "planned", plan=True)
    assert "Nothing to do." in carried_out(empty, tmp_path / "done")


def test_a_report_that_can_not_be_written_is_refused_before_anything_is_looked_at(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with (
        pytest.raises(Refused, match="nothing can be written there"),
        ChangeRun(tmp_path / "state", "shop", ChangeOptions(report=str(taken))),
    ):
        pytest.fail("nothing may be observed or changed")


def test_a_plan_is_shown_though_its_report_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    options = ChangeOptions(plan=True, report=str(taken))
    with (
        pytest.raises(OpsError, match="the report can't be written"),
        ChangeRun(tmp_path / "state", "shop", options) as run,
    ):
        run.execute(greetings("world"), Greeter())
    assert "greet world" in capsys.readouterr().out
