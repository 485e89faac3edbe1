"""Exceptions hold for a rule, a path and a time; one that has expired, or that nothing needs, is a finding."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.security.conftest import Repository

from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place
from optimus_ops.security.exceptions import ScanException, judge
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.settings import ScanSettings, read_settings

TODAY = date(2026, 6, 15)
FINDING = ScanFinding("hadolint", "DL3008", "medium", "pin versions", Place("compose/nginx/Dockerfile", 4))
ENTRY = """
[[tool.optimus-ops.security.exceptions]]
rule = "hadolint/DL3008"
path = "compose/*/Dockerfile"
reason = "the mirror keeps one version"
expires = 2026-06-15
"""


def exception(**given: object) -> ScanException:
    fields = {"rule": "hadolint/DL3008", "path": "compose/*", "reason": "why", "expires": TODAY, "line": 7, **given}
    return ScanException(**fields)  # type: ignore[arg-type]  # fields of a test


def test_an_exception_holds_to_the_end_of_its_last_day() -> None:
    judged = judge([FINDING], [exception()], {"hadolint"}, TODAY)
    assert (judged.counting, judged.excepted) == ((), ((FINDING, exception()),))


def test_an_expired_exception_is_a_finding_beside_what_it_hid() -> None:
    judged = judge([FINDING], [exception(expires=date(2026, 6, 14))], {"hadolint"}, TODAY)
    assert [found.id for found in judged.counting] == ["hadolint/DL3008", "security/expired-exception"]
    assert judged.counting[1].place == Place("pyproject.toml", 7)


@pytest.mark.parametrize("other", [{"rule": "hadolint/DL3009"}, {"path": "services/*"}, {"rule": "trivy/DL3008"}])
def test_an_exception_for_something_else_is_unused(other: dict[str, str]) -> None:
    judged = judge([FINDING], [exception(**other)], {"hadolint", "trivy"}, TODAY)
    assert [found.id for found in judged.counting] == ["hadolint/DL3008", "security/unused-exception"]


def test_whether_an_exception_is_needed_is_unknown_where_its_tool_did_not_run() -> None:
    assert judge([], [exception()], {"gitleaks"}, TODAY).counting == ()


def test_what_runs_varies_so_that_an_exception_for_it_may_stay_unused() -> None:
    assert judge([], [exception(rule="running/root-user")], {"running"}, TODAY).counting == ()


@given(st.lists(st.dates(), max_size=4), st.dates())
def test_a_finding_is_excepted_exactly_if_one_exception_is_valid(expiries: list[date], today: date) -> None:
    exceptions = [exception(expires=expires, line=line) for line, expires in enumerate(expiries)]
    judged = judge([FINDING], exceptions, {"hadolint"}, today)
    assert bool(judged.excepted) == any(expires >= today for expires in expiries)
    assert (FINDING in judged.counting) != bool(judged.excepted)


def test_exceptions_are_read_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"# a comment\n{ENTRY}{ENTRY}", "utf-8")
    assert [(found.rule, found.line) for found in read_settings(tmp_path).exceptions] == [
        ("hadolint/DL3008", 3),
        ("hadolint/DL3008", 9),
    ]


def test_a_project_without_exceptions_has_none(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == ScanSettings()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'a'\n", "utf-8")
    assert read_settings(tmp_path) == ScanSettings()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (ENTRY.replace('reason = "the mirror keeps one version"\n', ""), "reason"),
        (ENTRY.replace("the mirror keeps one version", " "), "reason"),
        (ENTRY.replace("2026-06-15", '"2026-06-15"'), "expires"),
        (ENTRY.replace("2026-06-15", "2026-06-15T10:00:00"), "expires"),
        (ENTRY.replace("hadolint/DL3008", "DL3008"), "DL3008"),
        (f"{ENTRY}until = 3\n", "nothing else"),
        ("[tool.optimus-ops.security]\nlevel = 3\n", "exceptions"),
        ("[tool.optimus-ops.security]\nexceptions = 3\n", "[["),
        ("[tool.optimus-ops.security]\nexceptions = [3]\n", "rule"),
        ("[tool.optimus-ops.security]\noptional = 3\n", "list"),
        ("[tool.optimus-ops\n", "can't be read"),
    ],
)
def test_a_malformed_exception_is_refused_with_its_place(tmp_path: Path, wrong: str, told: str) -> None:
    (tmp_path / "pyproject.toml").write_text(wrong, "utf-8")
    with pytest.raises(Refused) as raised:
        read_settings(tmp_path)
    assert told in str(raised.value)
    assert "pyproject.toml" in str(raised.value)


def test_an_unknown_scanner_is_not_optional(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.optimus-ops.security]\noptional = ['virus']\n", "utf-8")
    with pytest.raises(Refused, match="virus"):
        read_settings(tmp_path)


def test_a_scanner_that_is_optional_may_fail_unless_it_is_named(repository: Repository) -> None:
    repository.write(".github/workflows/a.yml", "jobs: [}\n")
    repository.write("pyproject.toml", "[tool.optimus-ops.security]\noptional = ['workflows']\n")
    whole = repository.scan(fail_on="high", offline=True)
    assert (whole.code, whole.scanner("workflows")["state"]) == (0, "could not run")
    assert repository.scan("workflows").code == 3


def test_a_scan_takes_exceptions_and_finds_those_that_nothing_needs(repository: Repository) -> None:
    repository.write("compose/web/Dockerfile", "FROM debian:13\nRUN apt-get install -y curl\n")
    lasting = ENTRY.replace("2026", "9999")
    repository.write("pyproject.toml", lasting + lasting.replace("DL3008", "DL3099"))
    outcome = repository.scan("dockerfiles")
    assert [found["rule"] for found in outcome.document["excepted"]] == ["hadolint/DL3008"]
    assert "security/unused-exception" in outcome.rules
    assert "hadolint/DL3008" not in outcome.rules
    assert outcome.code == 1
