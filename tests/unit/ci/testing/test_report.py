"""The report of test sessions."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.unit.ci.conftest import Checkout

from optimus_ops.ci.testing.execute import ReportRequest, report_tests
from optimus_ops.errors import OpsError, Refused

PASSED = '<testcase classname="t" name="{name}" time="{seconds}"/>'
FAILED = (
    '<testcase classname="t" name="broken" file="t.py" line="4"><failure message="assert 0">text</failure></testcase>'
)
FLAKY = '<testcase classname="t" name="luck{number}"><flakyFailure message="once"/></testcase>'
SKIPPED = '<testcase classname="t" name="left"><skipped message="no Docker"/></testcase>'
LIMITS = "[tool.optimus-ops]\nname = 'shop'\n[tool.optimus-ops.tests]\nbranches = 90\nflaky = 1\n"
TABLE = "# Changes\n\n## Deploy\n\n| replicas | seconds | lost |\n|---|---:|---:|\n| 2 | {seconds} | 0 |\n"

Project = Callable[..., Path]


def junit(*cases: str) -> str:
    return f'<testsuites><testsuite time="2">{"".join(cases)}</testsuite></testsuites>'


def coverage(**files: tuple[int, int]) -> str:
    found = {
        name.replace("__", "/"): {
            "summary": {"num_branches": branches, "covered_branches": taken, "num_statements": 10, "covered_lines": 5},
            "executed_lines": [1],
            "missing_lines": [2, 3],
            "missing_branches": [[1, 2]],
        }
        for name, (branches, taken) in files.items()
    }
    return json.dumps({"meta": {"format": 3, "branch_coverage": True}, "files": found})


@pytest.fixture
def project(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return what makes a project whose sessions have these results."""

    def make(results: Mapping[str, str], **files: str) -> Path:
        root = checkout(
            {
                "pyproject.toml": LIMITS,
                "compose.yml": "services: {}\n",
                ".gitignore": ".optimus\nbuild\n",
                "docs/benchmarks/changes.md": TABLE.format(seconds=9),
                **files,
            }
        )
        for name, text in results.items():
            path = root / "build" / "reports" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.chdir(root)
        return root

    return make


def report(**options: str | bool | tuple[str, ...]) -> None:
    values = {"results": "build/reports", "sessions": (), "base": "main", "report": "out", "json": False, **options}
    report_tests(ReportRequest(**values))  # type: ignore[arg-type]


def document(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / "out" / "tests.json").read_text())
    return found


def test_numbers_slow_and_skipped_tests_are_shown(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [PASSED.format(name=f"n{number}", seconds=number) for number in range(12)]
    root = project(
        {"unit/junit.xml": junit(*cases, SKIPPED), "e2e/junit.xml": junit(PASSED.format(name="a", seconds=1))}
    )
    report()
    shown = capsys.readouterr().out
    assert "13 passed, 1 skipped" in shown
    assert "no Docker" in shown
    text = (root / "out" / "tests.md").read_text()
    slow = [line for line in text.split("## Slowest tests")[1].splitlines() if "`t.n" in line]
    assert [line.split("|")[1].strip() for line in slow] == [f"{seconds}.0" for seconds in range(11, 1, -1)]
    assert [found["session"] for found in document(root)["sessions"]] == ["e2e", "unit"]  # type: ignore[attr-defined]


def test_a_failure_is_a_finding_at_its_line_and_fails(project: Project) -> None:
    root = project({"unit/junit.xml": junit(FAILED, FLAKY.format(number=1))})
    with pytest.raises(OpsError, match="unit: 1 failed"):
        report()
    assert [(found["rule"], found["level"], found["place"]) for found in document(root)["findings"]] == [  # type: ignore[attr-defined]
        ("tests/failed", "error", {"file": "t.py", "line": 5, "column": 0}),
        ("tests/flaky", "warning", None),
    ]
    assert "text" in (root / "out" / "tests.html").read_text()


def test_flaky_tests_are_named_and_more_than_allowed_fail(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    root = project({"unit/junit.xml": junit(FLAKY.format(number=1))})
    report()
    assert "t.luck1" in capsys.readouterr().out
    (root / "build/reports/unit/junit.xml").write_text(junit(FLAKY.format(number=1), FLAKY.format(number=2)))
    with pytest.raises(OpsError, match="unit: 2 flaky, 1 are allowed"):
        report()


def test_many_failures_are_cut_and_counted(project: Project) -> None:
    root = project({"unit/junit.xml": junit(*[FAILED] * 60)})
    with pytest.raises(OpsError, match="60 failed"):
        report()
    found = document(root)["findings"]
    assert len(found) == 51  # type: ignore[arg-type]
    assert found[-1]["message"] == "and 10 more failed tests"  # type: ignore[index]


MEASURED = {name: junit(PASSED.format(name="a", seconds=1)) for name in ("unit/junit.xml", "e2e/junit.xml")}


def test_coverage_is_compared_with_the_nearest_commit_that_has_figures(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project({**MEASURED, "coverage.json": coverage(src__lib__a__x=(10, 9), services__api__src__y=(10, 10))})
    report()
    assert "There is no base to compare with: no figures of" in capsys.readouterr().out
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (root / "build/reports/coverage.json").write_text(coverage(src__lib__a__x=(10, 10), services__api__src__y=(10, 9)))
    (root / "new").touch()
    report()
    shown = capsys.readouterr().out
    assert f"Compared with {commit[:12]}, the base." in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith(("lib.a ", "services/api ", "total "))]
    assert rows == [
        ["services/api", "10", "90.0", "-10.0", "50.0"],
        ["lib.a", "10", "100.0", "+10.0", "50.0"],
        ["total", "20", "95.0", "0", "50.0"],
    ]
    git = ["git", "-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    subprocess.run([*git, "add", "new"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "more"], check=True)
    os.utime(root / "new")
    (root / "other").touch()
    report()
    assert f"Compared with {commit[:12]}, 1 commit before the base." in capsys.readouterr().out


def test_coverage_below_its_limit_fails_and_names_the_files(project: Project) -> None:
    root = project({**MEASURED, "coverage.json": coverage(src__lib__a__x=(10, 8), src__lib__a__z=(10, 9))})
    with pytest.raises(OpsError, match=r"unit and e2e: 85\.00 % \(17 of 20\), 90 % are wanted"):
        report()
    assert "`src/lib/a/x` | 2 | 80" in (root / "out" / "tests.md").read_text()


def test_changed_lines_without_a_test_are_notes_at_their_place(project: Project) -> None:
    figures = json.loads(coverage(a=(10, 10)))
    figures["files"] = {"a.py": figures["files"]["a"]}
    root = project({**MEASURED, "coverage.json": json.dumps(figures)}, **{"a.py": "if x:\n    y\n    z\n"})
    (root / "a.py").write_text("if x:\n    y\n    changed\n")
    report()
    findings = document(root)["findings"]
    assert findings == [
        {
            "rule": "tests/untested",
            "level": "note",
            "message": "line 3 is run by no test",
            "place": {"file": "a.py", "line": 3, "column": 0},
            "hint": "",
        }
    ]


def test_coverage_of_one_session_is_shown_and_not_judged(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project({**MEASURED, "e2e/coverage.json": coverage(src__lib__a__x=(10, 1)), "coverage.json": "stale"})
    report(sessions=("e2e",))
    assert "branches by e2e 10.0 %" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"meta": {"format": 2}}'])
def test_what_is_no_coverage_is_refused(project: Project, text: str) -> None:
    project({**MEASURED, "coverage.json": text})
    with pytest.raises(Refused, match=r"coverage\.json"):
        report()


def test_benchmarks_that_changed_are_shown_before_and_now(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    root = project({"unit/junit.xml": junit()})
    report()
    assert "Benchmarks" not in capsys.readouterr().out
    (root / "docs/benchmarks/changes.md").write_text(TABLE.format(seconds=7))
    (root / "docs/benchmarks/new.md").write_text(TABLE.format(seconds=7))
    report()
    shown = capsys.readouterr().out.split("Benchmarks: changes")[1].splitlines()
    assert [line.split() for line in shown[1:3]] == [
        ["OF", "FIGURE", "BEFORE", "NOW"],
        ["Deploy:", "2", "seconds", "9", "7"],
    ]


def test_a_shallow_clone_has_no_base_unless_one_is_asked_for(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project({**MEASURED, "coverage.json": coverage(src__lib__a__x=(10, 9))})
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    report(base="")
    assert "no base to compare with: no common history with 'origin/main'" in capsys.readouterr().out
    with pytest.raises(Refused, match="no common history with 'elsewhere'"):
        report(base="elsewhere")


def test_one_document_on_standard_output(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project({"unit/junit.xml": junit(FLAKY.format(number=1))})
    report(json=True, report="")
    found = json.loads(capsys.readouterr().out)
    assert found["sessions"][0]["flaky_tests"] == ["t.luck1"]


def test_without_results_the_session_that_makes_some_is_named(project: Project) -> None:
    project({})
    with pytest.raises(Refused, match="no results of tests in build/reports") as refused:
        report()
    assert "nox -s unit" in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("branches = 101", "tests.branches: 101 is no percentage"),
        ("branches = true", "tests.branches: True is no percentage"),
        ("flaky = 0.5", "tests.flaky: 0.5 is no number of tests"),
        ("lines = 9", "tests: lines"),
    ],
)
def test_malformed_limits_are_refused(project: Project, line: str, message: str) -> None:
    settings = f"[tool.optimus-ops]\nname = 'shop'\n[tool.optimus-ops.tests]\n{line}\n"
    project({"unit/junit.xml": junit()}, **{"pyproject.toml": settings})
    with pytest.raises(Refused, match=message):
        report()
