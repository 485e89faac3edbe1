"""The real tools find what is planted in a repository, and nothing excepts it in passing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.unit.security.conftest import AWS_KEY, OTHER_AWS_KEY, Repository

KEY_RULE = "gitleaks/aws-access-token"
WORKFLOW = """\
name: greet
on:
  issues:
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-24.04
    steps:
      - run: echo ${{ github.event.issue.title }}
"""


def test_a_key_in_the_work_tree_is_found_at_its_line_and_never_shown(repository: Repository, tmp_path: Path) -> None:
    repository.write("settings.ini", f"[cloud]\nkey = {AWS_KEY}\n")
    outcome = repository.scan("secrets", report=str(tmp_path / "report"))
    assert outcome.code == 1
    assert [
        (found["rule"], found["place"]["file"], found["place"]["line"]) for found in outcome.document["findings"]
    ] == [(KEY_RULE, "settings.ini", 2)]
    written = [path.read_text("utf-8") for path in (tmp_path / "report").iterdir()]
    assert len(written) == 5
    assert [text for text in (outcome.everything, *written) if AWS_KEY in text] == []


def test_a_key_that_was_taken_out_is_found_in_its_commit(repository: Repository) -> None:
    commit = repository.commit("settings.ini", f"key = {AWS_KEY}\n")
    repository.commit("settings.ini", "key =\n")
    outcome = repository.scan("secrets", "history")
    assert outcome.rules == [KEY_RULE]
    assert commit[:12] in outcome.document["findings"][0]["message"]
    assert (outcome.scanner("secrets")["findings"], outcome.scanner("history")["findings"]) == (0, 1)
    assert AWS_KEY not in outcome.everything


def test_a_key_in_work_tree_and_history_is_one_finding_at_the_place_of_now(repository: Repository) -> None:
    commit = repository.commit("settings.ini", f"key = {AWS_KEY}\n")
    repository.commit("settings.ini", f"# a comment\nkey = {AWS_KEY}\n")
    found = repository.scan("secrets", "history").document["findings"]
    assert [finding["place"]["line"] for finding in found] == [2]
    assert commit[:12] in found[0]["message"]


def test_two_keys_of_a_file_are_two_findings(repository: Repository) -> None:
    repository.commit("keys.txt", f"one = {AWS_KEY}\ntwo = {OTHER_AWS_KEY}\n")
    lines = [found["place"]["line"] for found in repository.scan("secrets", "history").document["findings"]]
    assert sorted(lines) == [1, 2]


def test_what_git_ignores_is_not_scanned(repository: Repository) -> None:
    repository.commit(".gitignore", "/.env.secrets\nbuilt/\n")
    repository.write(".env.secrets", f"KEY={AWS_KEY}\n")
    repository.write("built/page.html", AWS_KEY)
    repository.write("rebuilt/page.html", AWS_KEY)
    found = repository.scan("secrets").document["findings"]
    assert [finding["place"]["file"] for finding in found] == ["rebuilt/page.html"]


def test_rules_of_the_project_are_kept(repository: Repository) -> None:
    rule = "[extend]\nuseDefault = true\n[[rules]]\nid = 'acme'\ndescription = 'Acme key'\nregex = 'acme-[0-9]{8}'\n"
    repository.commit(".gitleaks.toml", rule)
    repository.write("a.txt", "acme-" + "12345678\n")
    assert "gitleaks/acme" in repository.scan("secrets").rules


@pytest.mark.parametrize(
    ("scanner", "name", "text", "rule"),
    [
        ("secrets", "a.txt", f"{AWS_KEY} # gitleaks:allow\n", KEY_RULE),
        ("dockerfiles", "Dockerfile", "# hadolint ignore=DL3007\nFROM debian:latest\n", "hadolint/DL3007"),
        (
            "workflows",
            ".github/workflows/greet.yml",
            WORKFLOW.replace("title }}", "title }} # zizmor: ignore[template-injection]"),
            "zizmor/template-injection",
        ),
    ],
)
def test_a_comment_excepts_nothing(repository: Repository, scanner: str, name: str, text: str, rule: str) -> None:
    repository.write(name, text)
    outcome = repository.scan(scanner)
    assert rule in outcome.rules
    assert outcome.code == 1


def test_a_file_of_exceptions_that_gitleaks_reads_does_not_pass(repository: Repository) -> None:
    repository.write("a.txt", f"{AWS_KEY}\n")
    repository.write(".gitleaksignore", "a.txt:aws-access-token:1\n")
    outcome = repository.scan("secrets", "history")
    assert (outcome.rules, outcome.code) == (["gitleaks/ignore-file"], 1)


def test_a_weak_dockerfile_is_found_by_any_of_its_names(repository: Repository) -> None:
    names = ["Dockerfile", "web/Dockerfile.dev", "web/api.Dockerfile", "Containerfile"]
    for name in names:
        repository.write(name, "FROM debian\nRUN cd /tmp\n")
    repository.write("dockerfile.py", "no Dockerfile\n")
    outcome = repository.scan("dockerfiles")
    found = {
        finding["place"]["file"] for finding in outcome.document["findings"] if finding["rule"] == "hadolint/DL3006"
    }
    assert found == set(names)


def test_a_workflow_that_runs_what_others_write_is_found_by_both_linters(repository: Repository) -> None:
    repository.write(".github/workflows/greet.yml", WORKFLOW)
    outcome = repository.scan("workflows", "workflow-syntax")
    assert {"zizmor/template-injection", "actionlint/expression"} <= set(outcome.rules)
    assert {found["place"]["line"] for found in outcome.document["findings"]} == {9}


def test_a_workflow_that_is_no_yaml_keeps_the_audit_from_passing(repository: Repository) -> None:
    repository.write(".github/workflows/greet.yml", "jobs: [}\n")
    outcome = repository.scan("workflows", "workflow-syntax", fail_on="high")
    assert outcome.code == 3
    assert outcome.scanner("workflows")["state"] == "could not run"
    assert outcome.rules == ["actionlint/syntax-check"]


def test_a_shallow_clone_has_no_whole_history(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit("a", "b")
    clone = repository.root.parent / "clone"
    command = ["git", "clone", "--quiet", "--depth=1", repository.root.as_uri(), str(clone)]
    subprocess.run(command, check=True)
    monkeypatch.setenv("OPTIMUS_ROOT", str(clone))
    outcome = repository.scan("history")
    assert outcome.code == 3
    assert "fetch-depth" in outcome.scanner("history")["hint"]


def test_where_there_is_nothing_to_scan_it_is_said(repository: Repository) -> None:
    outcome = repository.scan("dockerfiles", "workflows", "workflow-syntax", "dependencies")
    assert outcome.code == 0
    assert {found["state"] for found in outcome.document["scanners"]} == {"nothing to scan"}


def test_a_folder_without_git_is_refused(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    outcome = repository.scan()
    assert outcome.code == 2
    assert "git" in outcome.everything


@pytest.mark.parametrize("wrong", [{"fail_on": "severe"}, {"only": "virus"}])
def test_an_unknown_severity_or_scanner_is_refused(repository: Repository, wrong: dict[str, str]) -> None:
    outcome = repository.scan(*filter(None, [wrong.get("only", "")]), fail_on=wrong.get("fail_on", "low"))
    assert outcome.code == 2
    assert outcome.document == {}
