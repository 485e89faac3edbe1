"""Suites in JSONL: the same cases as in YAML, and where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimus_ops.errors import Refused
from optimus_ops.evals.suite_file import MOST_CASES, parse_lines, parse_suite, read_suite, suite_files

HEAD: dict[str, Any] = {
    "summary": "Orders.",
    "blocking": ["style"],
    "defaults": {"prompt": "answer", "variables": {"n": 3}},
}
CASE: dict[str, Any] = {
    "id": "one",
    "reason": "because",
    "ask": "Where\u2028is it?",
    "assert": [{"regex": "^Here", "metric": "style"}, {"json-schema": {"type": "object"}}, {"number": 12.5}],
}


def lines(*documents: Any) -> str:
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in documents)


def test_a_case_a_line_is_the_same_as_in_yaml() -> None:
    found = parse_lines(lines(HEAD, CASE, CASE | {"id": "two"}), "s.jsonl", "s")

    yaml = parse_suite(json.dumps({**HEAD, "cases": [CASE]}), "s.yaml", "s").cases[0]
    assert (found.summary, found.blocking, [case.id for case in found.cases]) == ("Orders.", ("style",), ["one", "two"])
    case = found.cases[0]
    assert (case.messages, dict(case.variables), case.prompt) == (yaml.messages, dict(yaml.variables), "answer")
    assert [str(each.assertion) for each in case.expectations] == [str(each.assertion) for each in yaml.expectations]


def test_the_first_line_may_be_a_case() -> None:
    assert [case.id for case in parse_lines(lines(CASE), "s.jsonl", "s").cases] == ["one"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "s.jsonl:1:1: a suite needs at least one case"),
        ("\n \n", "a suite needs at least one case"),
        (lines(HEAD), "a suite needs at least one case"),
        (lines(HEAD, CASE) + "\n" + lines(CASE), "s.jsonl:4:1: the id 'one' is already that of the case in line 2"),
        (lines(CASE, {**CASE, "id": "two", "tag": "x"}), "s.jsonl:2:1: a case has no key 'tag'"),
        (lines(HEAD | {"sumary": "x"}, CASE), "s.jsonl:1:1: .* has no key 'sumary'"),
        (lines(CASE, HEAD), "s.jsonl:2:1: a case has no key 'summary'"),
        (lines(CASE) + '{"id": ', "s.jsonl:2:1: not JSON"),
        ('{"id": "one", "id": "two"}', "'id' is already defined"),
        (lines([CASE]), "a line is a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        parse_lines(text, "s.jsonl", "s")


def test_a_hundred_thousand_cases_are_refused_before_all_are_read() -> None:
    text = "".join(
        f'{{"id": "{number}", "reason": "r", "ask": "a", "assert": [{{"exact": "b"}}]}}\n'
        for number in range(MOST_CASES + 1)
    )

    with pytest.raises(Refused, match=f"s.jsonl:{MOST_CASES + 1}:1: more than 20,000 cases") as refused:
        parse_lines(text + "what follows is not looked at\n" * 80_000, "s.jsonl", "s")

    assert "--suite" in str(refused.value.hint)


def test_both_kinds_are_found_and_a_name_is_one_suite_s(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{}")
    (tmp_path / "b.jsonl").write_text(lines(CASE))

    assert list(suite_files(tmp_path)) == ["a", "b"]
    assert read_suite(tmp_path / "b.jsonl", tmp_path).name == "b"

    assert list(suite_files(tmp_path, [tmp_path / "b.jsonl"])) == ["a"]

    (tmp_path / "a.jsonl").write_text(lines(CASE))
    with pytest.raises(Refused, match=r"a\.yaml is the suite 'a' already"):
        suite_files(tmp_path)


def test_a_file_without_anything_is_an_empty_suite(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n")

    with pytest.raises(Refused, match=r"a\.yaml:1:1: a suite needs at least one case"):
        read_suite(tmp_path / "a.yaml", tmp_path)
