"""Which share of the whole set's time a change runs."""

from pathlib import Path

import pytest
from benchmarks.ci_shares import OTHERS, SERVICES, measure, percent, taken
from benchmarks.recorded_timings import Recorded, SessionTimes, read_recorded, session_times
from benchmarks.section import objectives_of
from tests.unit.repository import CHECKOUT

from optimus_ops.ci.affected import Affected
from optimus_ops.ci.affected_task import project_rules

UNIT = SessionTimes(10.0, {"tests/a.py": 12.0, "tests/b.py": 4.0})
RECORDED = Recorded("2026-11-28", {"lint": SessionTimes(10.0), "unit": UNIT})


@pytest.mark.parametrize(
    ("tests", "seconds"),
    [
        ((), 10.0),
        (("tests/a.py",), 7.5),
        (("tests/a.py", "tests/b.py"), 10.0),
        (("tests/new.py",), 5.0),
        (("tests/a.py", "tests/b.py", "tests/new.py"), 10.0),
    ],
)
def test_some_tests_take_their_part_of_a_session(tests: tuple[str, ...], seconds: float) -> None:
    assert UNIT.of(tests) == seconds
    assert SessionTimes(3.0).of(tests) == 3.0


def test_a_share_is_of_all_sessions_one_after_the_other() -> None:
    found = Affected(full=False, sessions={"unit": ("tests/b.py",)}, images=(), reasons={})
    assert percent(found, RECORDED) == 12.5
    assert taken(found, RECORDED) == "unit 2 s"
    assert percent(Affected(full=True, sessions={"lint": (), "unit": ()}, images=(), reasons={}), RECORDED) == 100


def test_times_are_those_of_a_junit_file(tmp_path: Path) -> None:
    cases = "".join(
        f'<testcase classname="c" name="n{number}" file="{file}" line="1" time="{seconds}"/>'
        for number, (file, seconds) in enumerate(
            [("tests/b.py", 1), ("tests/a.py", 2), ("tests/b.py", 0.5), (".venv/x.py", 9)]
        )
    )
    junit = tmp_path / "unit" / "junit.xml"
    junit.parent.mkdir()
    junit.write_text(f'<testsuites><testsuite name="pytest" time="7.04">{cases}</testsuite></testsuites>')
    assert session_times(junit) == SessionTimes(7.0, {"tests/a.py": 2.0, "tests/b.py": 1.5})


def test_every_session_of_the_rules_has_recorded_times() -> None:
    assert set(read_recorded().sessions) == set(project_rules(CHECKOUT).sessions)


def test_a_change_of_one_service_runs_less_than_its_limit() -> None:
    objectives = objectives_of(measure())
    assert [objective.name.split()[-1] for objective in objectives] == list(SERVICES)
    assert [objective.verdict for objective in objectives] == ["met"] * len(SERVICES)


def test_the_files_of_typical_changes_exist() -> None:
    assert [name for name in OTHERS.values() if not (CHECKOUT / name).is_file()] == []
