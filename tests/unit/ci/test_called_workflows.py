"""Reusable workflows: planned, refused where the call is wrong, and run."""

import json
from pathlib import Path

import pytest
from tests.unit.ci.conftest import Checkout
from tests.unit.ci.test_run import CiRun, ci_run

from optimus_ops.ci.actions import Checkout as Sources
from optimus_ops.ci.ci_plan import CiPlan, plan_run
from optimus_ops.ci.plan_text import plan_json, plan_lines
from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.errors import Refused

__all__ = ("ci_run",)
CALLER = """
name: CI / all
on: push
jobs:
  plan: {runs-on: x, steps: [{run: "true"}]}
  same: {runs-on: x, steps: [{run: "echo own"}]}
  call:
    needs: plan
    strategy: {fail-fast: false, matrix: {n: [1, 2]}}
    uses: ./.github/workflows/b.yml
    with: {word: "w${{ matrix.n }}"}
    secrets: inherit
  after: {needs: call, runs-on: x, steps: [{run: 'test "${{ needs.call.outputs.o }}" = 1'}]}
  never: {needs: call, if: github.ref == 'x', uses: $/.github/workflows/b.yml, with: {word: a}, secrets: inherit}
"""
CALLED = """
name: Called
on:
  workflow_call:
    inputs: {word: {type: string, required: true}, other: {type: boolean, default: true, required: true}}
    secrets: {TOKEN: {required: true}}
    outputs: {o: {value: "${{ jobs.same.outputs.o }}"}}
jobs:
  same:
    name: First of ${{ inputs.word }}
    runs-on: x
    outputs: {o: "${{ steps.s.outputs.o }}"}
    steps: [{id: s, run: 'echo o=1 >> $GITHUB_OUTPUT; exit 3', continue-on-error: true}]
  second: {needs: same, strategy: {matrix: {k: [a, b]}}, runs-on: x, steps: [{run: 'test ${{ matrix.k }} = a'}]}
"""
FILES = {".github/workflows/a.yml": CALLER, ".github/workflows/b.yml": CALLED}


def planned(tmp_path: Path, call: str, called: str = CALLED) -> CiPlan:
    (tmp_path / "b.yml").write_text(called)
    text = f"on: push\njobs:\n  a: {call}\n"
    workflow = parse_workflow(text, tmp_path / "w.yml", "w.yml")
    return plan_run(workflow, Sources(tmp_path, {"o/r": tmp_path}), event="push")


def test_the_jobs_of_a_called_workflow_are_part_of_the_plan(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{uses: ./b.yml, with: {word: x}, secrets: {token: y}}")
    (caller,) = plan_json(plan)["jobs"]
    assert [job["names"] for job in caller["jobs"]] == [
        ["a / First of ${{ inputs.word }}"],
        ["a / second (a)", "a / second (b)"],
    ]
    assert "a / second: a / second (a), a / second (b) · after same" in "\n".join(plan_lines(plan, {}))
    assert plan.labels == ("x",)


def test_a_folder_stands_for_the_repository_of_a_called_workflow(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{uses: O/r/b.yml@v1, with: {word: x}, secrets: inherit}")
    assert [leaf.id for leaf in plan.leaves] == ["a / same", "a / second"]
    assert [(use.uses, use.treatment) for use in plan.actions] == [("O/r/b.yml@v1", "replaced")]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{uses: ./none.yml}", "w.yml:3:6: there is no workflow ./none.yml"),
        ("{uses: none}", "bad workflow 'none'"),
        ("{uses: ./w.yml}", "there is no workflow ./w.yml"),
        ("{uses: ./b.yml, secrets: inherit}", "job 'a' does not give input 'word', which ./b.yml requires"),
        ("{uses: ./b.yml, with: {word: a}}", "job 'a' does not give secret 'TOKEN', which ./b.yml requires"),
        ("{uses: ./b.yml, with: {words: a}}", "./b.yml takes no input 'words'\n  word, other"),
        ("{uses: ./b.yml, with: {word: a}, secrets: {X: a}}", "./b.yml takes no secret 'X'\n  TOKEN"),
    ],
)
def test_a_wrong_call_is_refused(tmp_path: Path, call: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        planned(tmp_path, call)
    assert message.replace("3:6", "3") in str(refused.value)


def test_a_workflow_that_is_not_reusable_or_calls_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="it has no event workflow_call"):
        planned(tmp_path, "{uses: ./b.yml}", "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}}")
    with pytest.raises(Refused, match="more than 10 workflows call each other"):
        planned(tmp_path, "{uses: ./b.yml}", "on: workflow_call\njobs: {a: {uses: ./b.yml}}")


def test_a_called_workflow_runs_and_its_jobs_are_reported_behind_their_caller(
    checkout: Checkout, ci_run: CiRun
) -> None:
    code, output, _ = ci_run(checkout(FILES), "a", json=True)
    results = {job["name"]: (job["result"], job["reason"]) for job in json.loads(output)["jobs"]}
    assert code == 1
    assert {name for name, (result, _) in results.items() if result == "success"} == {
        *("plan", "same"),
        *("call-1 / First of w1", "call-1 / second (a)", "call-2 / First of w2", "call-2 / second (a)"),
    }
    assert {results[f"call-{number} / second (b)"][0] for number in (1, 2)} == {"failure"}
    assert {results[name][0] for name in ("after", "never")} == {"skipped"}


def test_one_job_that_calls_a_workflow_can_be_run(checkout: Checkout, ci_run: CiRun) -> None:
    called = CALLED.replace("test ${{ matrix.k }} = a", "true")
    root = checkout({**FILES, ".github/workflows/b.yml": called})
    code, output, _ = ci_run(root, "a", job="call", matrix=("n=2",), json=True)
    assert code == 0
    assert [job["name"] for job in json.loads(output)["jobs"]] == [
        *("plan", "call / First of w2", "call / second (a)", "call / second (b)"),
    ]


def test_a_path_at_the_commit_of_the_file_is_one_of_the_clone(checkout: Checkout, ci_run: CiRun) -> None:
    files = {
        ".github/workflows/a.yml": "on: push\njobs: {a: {uses: $/.github/workflows/b.yml}}",
        ".github/workflows/b.yml": "on: workflow_call\njobs: {b: {runs-on: x, steps: [{uses: '$/one'}]}}",
        "one/action.yml": "runs: {using: composite, steps: [{shell: bash, run: 'true'}]}",
    }
    root = checkout(files)
    code, output, _ = ci_run(root, "a", json=True)
    assert (code, [job["name"] for job in json.loads(output)["jobs"]]) == (0, ["a / b"])
    other = checkout({".github/workflows/c.yml": "on: push\njobs: {c: {uses: o/r/.github/workflows/b.yml@v1}}"})
    code, output, _ = ci_run(other, "c", json=True, replace=(f"o/r={root}",))
    assert (code, [job["name"] for job in json.loads(output)["jobs"]]) == (0, ["c / b"])


def test_a_reusable_workflow_runs_by_itself_with_the_inputs_of_a_file(checkout: Checkout, ci_run: CiRun) -> None:
    inputs = "{word: {type: string, required: true}, other: {type: string, default: o}}"
    job = "{runs-on: x, steps: [{run: 'test ${{ inputs.word }}-${{ inputs.other }} = w-o'}]}"
    root = checkout({".github/workflows/b.yml": f"on: {{workflow_call: {{inputs: {inputs}}}}}\njobs: {{a: {job}}}"})
    (root / "e.json").write_text('{"inputs": {"word": "w"}}')
    (root / "empty.json").write_text('{"inputs": null}')
    refusal = "b is run by workflows that call it, and requires 'word'"
    for event in ("", str(root / "empty.json")):
        code, _, errors = ci_run(root, "b", event=event)
        assert (code, refusal in errors) == (2, True)
    code, output, _ = ci_run(root, "b", plan=True)
    assert (code, f"note: a run would be refused: {refusal}" in output) == (0, True)
    assert ci_run(root, "b", event=str(root / "e.json"))[0] == 0
