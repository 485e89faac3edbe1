"""What a workflow uses, and what runs in its place."""

from pathlib import Path

import pytest

from optimus_ops.ci.actions import Checkout, used_actions
from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.project.yaml_nodes import YamlError

ABSENT = """on: push
jobs: {a: {runs-on: x, steps: [{uses: actions/checkout@v7, with: {repository: o/none, path: c}}, {uses: ./c}]}}
"""


def uses_of(root: Path, text: str, **others: Path) -> dict[str, str]:
    """Return action -> treatment of a workflow's text; `others` stand for repositories of `owner`."""
    checkout = Checkout(root, {f"owner/{name}": folder for name, folder in others.items()})
    found = parse_workflow(text, root / "w.yml", "w.yml")
    return {use.uses: use.treatment for use in used_actions(checkout, "w.yml", found.jobs)}


def steps(*uses: str) -> str:
    return "on: push\njobs: {a: {runs-on: x, steps: [" + ", ".join(f"{{uses: '{name}'}}" for name in uses) + "]}}"


def composite(*uses: str) -> str:
    return "runs: {using: composite, steps: [" + ", ".join(f"{{uses: '{name}'}}" for name in uses) + "]}"


def test_known_actions_are_replaced_and_others_do_not_run(tmp_path: Path) -> None:
    names = ("actions/checkout@v7", "actions/setup-python@abc", "actions/cache/restore@v5", "actions/cache/none@v5")
    assert uses_of(tmp_path, steps(*names, "docker/login-action@v4")) == {
        "actions/checkout@v7": "act",
        "actions/setup-python@abc": "replaced",
        "actions/cache/restore@v5": "replaced",
        "actions/cache/none@v5": "not run",
        "docker/login-action@v4": "not run",
    }


def test_actions_and_workflows_of_the_checkout_are_followed(tmp_path: Path) -> None:
    for name, text in {
        "one/action.yml": composite("./two", "actions/cache@v5"),
        "two/action.yaml": composite("owner/other@v1"),
        "node/action.yml": "runs: {using: node24, main: index.js}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = uses_of(
        tmp_path, "on: push\njobs: {a: {uses: ./called.yml}, b: {runs-on: x, steps: [{uses: ./one}, {uses: ./node}]}}"
    )
    assert found == {
        "./called.yml": "local",
        "./one": "local",
        "./two": "local",
        "owner/other@v1": "not run",
        "actions/cache@v5": "replaced",
        "./node": "local",
    }


def test_a_folder_stands_for_another_repository(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "action.yml").write_text(composite("$/near", "actions/cache@v5"))
    (folder / "near").mkdir()
    (folder / "near" / "action.yml").write_text(composite("owner/unknown@v1"))
    assert uses_of(tmp_path, steps("Owner/Other/deep@v1"), other=folder) == {
        "Owner/Other/deep@v1": "replaced",
        "$/near": "local",
        "owner/unknown@v1": "not run",
        "actions/cache@v5": "replaced",
    }


def test_a_path_of_the_workspace_is_the_callers_whoever_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    for name, text in {
        "other/deep/action.yml": composite("./near", "$/beside"),
        "other/beside/action.yml": composite("./gone"),
        "other/gone/action.yml": composite(),
        "near/action.yml": composite("owner/unknown@v1", "$/own"),
        "own/action.yml": composite(),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    assert uses_of(tmp_path, steps("owner/other/deep@v1"), other=folder) == {
        "owner/other/deep@v1": "replaced",
        "./near": "local",
        "owner/unknown@v1": "not run",
        "$/own": "local",
        "$/beside": "local",
        "./gone": "impossible",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (steps("./circle"), "more than 10 actions inside each other"),
        (steps("no-at"), "bad action 'no-at'"),
        (steps("./bad"), "bad/action.yml:1:50: unknown function 'nope' in `nope(1)`"),
    ],
)
def test_actions_that_can_not_be_used_are_refused_by_name_and_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "circle").mkdir()
    (tmp_path / "circle" / "action.yml").write_text(composite("./circle"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "action.yml").write_text("runs: {using: composite, steps: [{run: 'echo ${{ nope(1) }}'}]}")
    with pytest.raises(YamlError) as raised:
        uses_of(tmp_path, text)
    assert message in str(raised.value)


def test_an_action_is_looked_for_where_its_repository_was_checked_out(tmp_path: Path) -> None:
    for folder, name in ((tmp_path, "own"), (tmp_path / "other", "far")):
        (folder / name).mkdir(parents=True)
        (folder / name / "action.yml").write_text(composite("owner/unknown@v1"))
    given = "{uses: actions/checkout@v7, with: {path: ./a}}, {uses: ./a/own}, "
    other = "{uses: actions/checkout@v7, with: {repository: Owner/Other, path: b/}}, {uses: ./b/far}, "
    known = (
        "{uses: actions/checkout@v7, with: {repository: '${{ inputs.r }}', path: d}}, {uses: ./d/own}, {uses: ./d/x}, "
    )
    absent = "{uses: actions/checkout@v7, with: {repository: o/none, path: c}}, {uses: ./c}"
    text = f"on: push\njobs: {{a: {{runs-on: x, steps: [{given}{other}{known}{absent}]}}}}"
    assert uses_of(tmp_path, text, other=tmp_path / "other") == {
        "actions/checkout@v7": "act",
        "./a/own": "local",
        "./b/far": "local",
        "owner/unknown@v1": "not run",
        "./d/own": "local",
        "./d/x": "local",
        "./c": "impossible",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ABSENT, "./c is of o/none, which is not on this machine: give --replace o/none=FOLDER"),
        (steps("./none"), "there is no action ./none"),
        (steps("docker://alpine:3"), "docker://alpine:3: a step in a container of its own can't run here"),
        (
            "on: push\njobs: {a: {uses: o/r/.github/workflows/x.yml@v1}}",
            "another repository: it can't run here without --replace o/r=FOLDER",
        ),
    ],
)
def test_what_can_not_run_here_has_its_reason(tmp_path: Path, text: str, problem: str) -> None:
    found = parse_workflow(text, tmp_path / "w.yml", "w.yml")
    *_, use = used_actions(Checkout(tmp_path), "w.yml", found.jobs)
    assert (use.treatment, str(use.place)) == ("impossible", "w.yml:2")
    assert problem in use.problem
