"""Workflows: what each check finds, in all spellings, and where."""

from __future__ import annotations

import pytest

from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.rules.workflow_checks import CHECKS
from optimus_ops.guardrails.sources import in_memory
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.guardrails.yaml_judgement import judge_yaml

COMMIT = "3d3c42e5aac5ba805825da76410c181273ba90b1"
POLICY = """
version: 1
sources: [src]
rules:
  - {{id: rule, kind: workflow, message: m, why: w, mend: m, files: [w.yml], checks: [{check}]}}
"""


def step(text: str) -> str:
    return f"jobs:\n  a:\n    steps:\n      - {text}\n"


def runs(text: str) -> str:
    return step(f"run: {text}")


BAD = {
    "unpinned-uses": [
        step("uses: actions/checkout@v6"),
        step(f"{{name: x, uses: actions/checkout@{COMMIT[:7]}}}"),
        step("uses: docker://alpine:3.20"),
        step("uses: owner/name/folder@main"),
        "jobs: {a: {uses: owner/name/.github/workflows/w.yml@v1}}",
        "runs: {using: composite, steps: [{uses: actions/cache@v4}]}",
    ],
    "excessive-permissions": [
        "permissions: write-all\njobs: {}",
        "permissions: {contents: write}\njobs: {}",
        "jobs: {a: {steps: []}}",
        "permissions: {}\njobs: {a: {permissions: read-all}}",
    ],
    "job-permissions": ["permissions: {contents: read}\njobs: {a: {permissions: {}}}", "jobs: {a: {steps: []}}"],
    "dangerous-triggers": [
        "on: pull_request_target",
        "on: [push, pull_request_target]",
        "on:\n  workflow_run: {workflows: [ci]}",
        "'on': {pull_request_target: {types: [opened]}}",
    ],
    "missing-timeout": ["jobs: {a: {runs-on: ubuntu-latest, steps: []}}"],
    "template-injection": [
        runs("echo ${{ github.event.issue.title }}"),
        runs('"echo ${{github.head_ref}}"'),
        runs("|\n          echo ${{ github['head_ref'] }}"),
        runs("echo ${{ format('{0}', inputs.name) }}"),
        runs("echo ${{ steps.x.outputs.y }}"),
        runs("echo ${{ toJSON(github) }}"),
        step("{uses: actions/github-script@v8, with: {script: 'x(${{ github.event.comment.body }})'}}"),
    ],
    "secrets-in-run": [
        runs("deploy --token ${{ secrets.TOKEN }}"),
        runs("x ${{ secrets['TOKEN'] }}"),
        runs("x ${{ github.token }}"),
        runs("x ${{ toJSON(secrets) }}"),
    ],
    "secrets-inherit": ["jobs: {a: {uses: ./.github/workflows/w.yml, secrets: inherit}}"],
    "artipacked": [
        step(f"uses: actions/checkout@{COMMIT}"),
        step("{uses: Actions/Checkout@v6, with: {persist-credentials: true}}"),
    ],
    "several-commands": [runs("a && b"), runs("a | b"), runs("|\n          a\n          b"), runs("a $(b)")],
}
GOOD = {
    "unpinned-uses": [
        step(f"uses: actions/checkout@{COMMIT} # v6"),
        step("uses: ./.github/actions/setup"),
        step("uses: $/.github/actions/setup"),
        step(f"uses: docker://alpine@sha256:{'0' * 64}"),
    ],
    "excessive-permissions": [
        "permissions: {}\njobs: {a: {permissions: {contents: write}}}",
        "permissions: {contents: read}\njobs: {a: {}}",
        "runs: {steps: []}",
    ],
    "job-permissions": ["permissions: {}\njobs: {a: {permissions: {contents: read}}}", "runs: {steps: []}"],
    "dangerous-triggers": ["on: [push, pull_request]", "on: {workflow_dispatch: }", "runs: {}"],
    "missing-timeout": ["jobs: {a: {timeout-minutes: 5}, b: {uses: ./x.yml}}"],
    "template-injection": [
        runs('echo "$TITLE"'),
        runs("echo ${{ matrix.python }} ${{ github.sha }} ${{ runner.os }}"),
        runs("echo ${{ 'github.event' }}"),
        step("{name: 'x ${{ github.head_ref }}', run: x, env: {A: '${{ github.head_ref }}'}}"),
    ],
    "secrets-in-run": [step("{run: deploy, env: {TOKEN: '${{ secrets.TOKEN }}'}}")],
    "secrets-inherit": ["jobs: {a: {uses: ./.github/workflows/w.yml, secrets: {A: '${{ secrets.A }}'}}}"],
    "artipacked": [
        step("{uses: actions/checkout@v6, with: {persist-credentials: false}}"),
        step("uses: x/checkout@v1"),
    ],
    "several-commands": [runs("nox -s unit -- x"), runs("|\n          nox\n")],
}


def found(check: str, text: str) -> list[tuple[str, str]]:
    judged = judge_yaml(parse_policy(POLICY.format(check=check)), YamlFiles(in_memory({"w.yml": text}).files))
    return [(str(each.match.place), each.match.detail) for each in judged.violations]


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(check, text) for check, several in table.items() for text in several]


@pytest.mark.parametrize(("check", "text"), cases(BAD))
def test_a_check_finds_each_spelling(check: str, text: str) -> None:
    assert found(check, text)


@pytest.mark.parametrize(("check", "text"), cases(GOOD))
def test_a_check_leaves_what_is_in_order(check: str, text: str) -> None:
    assert found(check, text) == []


def test_each_check_is_tried() -> None:
    assert BAD.keys() == GOOD.keys() == CHECKS.keys()


def test_an_expression_is_told_where_it_stands_in_a_block_of_text() -> None:
    text = "jobs:\n  a:\n    steps:\n      - run: |\n          echo one\n          echo ${{ github.head_ref }}\n"
    assert found("template-injection", text) == [("w.yml:6:16", "github.head_ref becomes a part of the program")]


def test_a_missing_key_is_told_at_the_job() -> None:
    assert found("missing-timeout", "on: push\njobs:\n  a:\n    steps: []\n") == [
        ("w.yml:3:3", "a may run for six hours")
    ]


def test_values_of_a_wrong_kind_are_no_crash() -> None:
    every = ", ".join(CHECKS)
    for text in ("", "a", "[]", "jobs: 1", "jobs: [a]", "jobs: {a: }", "jobs: {a: {steps: {}}}", "on: 1", "on: {}"):
        assert isinstance(found(every, text), list)
    for value in ("{}", "[]", "1", "null", "[[]]", "[{a: b}]"):
        for key in ("permissions", "uses", "steps", "secrets", "timeout-minutes"):
            assert isinstance(found(every, f"{key}: {value}\njobs: {{a: {{{key}: {value}}}}}"), list)
            assert isinstance(found(every, step(f"{{{key}: {value}, with: {value}, run: {value}}}")), list)
