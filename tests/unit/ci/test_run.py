"""`invoke ci.run` with the real act: neither Docker nor a network is needed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.support.alive import alive
from tests.unit.ci.conftest import Checkout

from optimus_ops.ci.actions import LOCAL_ACTIONS
from optimus_ops.ci.execute import run_workflow
from optimus_ops.ci.run_request import RunRequest
from optimus_ops.errors import OpsError

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
WORKFLOW = f"""
name: CI
on: [push, pull_request]
jobs:
  plan:
    runs-on: ubuntu-24.04
    outputs: {{list: "${{{{ steps.p.outputs.list }}}}"}}
    steps:
      - {{id: p, run: "echo 'list=[1,2]' >> $GITHUB_OUTPUT; echo '## planned' >> $GITHUB_STEP_SUMMARY"}}
  test:
    needs: plan
    runs-on: ubuntu-24.04
    strategy: {{fail-fast: false, matrix: {{n: "${{{{ fromJSON(needs.plan.outputs.list) }}}}"}}}}
    steps:
      - uses: {CHECKOUT}
      - uses: ./.github/actions/greet
      - {{run: exit 3, continue-on-error: true}}
      - {{id: named, run: exit 3, continue-on-error: true}}
      - run: "echo ::error file=a.py,line=3::bad; cat data; test ${{{{ matrix.n }}}} = 1"
      - {{uses: {UPLOAD}, with: {{name: "n${{{{ matrix.n }}}}", path: data}}}}
  other: {{runs-on: ubuntu-24.04, steps: [{{uses: owner/unknown@v1}}, {{run: 'test -z "$SECRET_OF_HOST"'}}]}}
  mac: {{runs-on: macos-15, steps: [{{run: "false"}}]}}
  gate: {{needs: [plan, test], if: always(), runs-on: ubuntu-24.04, steps: [{{run: "true"}}]}}
"""
GREETING = "runs: {using: composite, steps: [{shell: bash, run: echo hi}]}\n"
WORDS = "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ nonsense(1) }}'}]}}"
FILES = {
    ".github/workflows/ci.yml": WORKFLOW,
    ".github/actions/greet/action.yml": GREETING,
    "data": "committed\n",
}


class CiRun(Protocol):
    """Runs a workflow of a checkout in this process."""

    def __call__(self, root: Path, workflow: str, **request: Any) -> tuple[int, str, str]: ...


@pytest.fixture
def ci_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CiRun:
    """Return what runs a workflow, and gives exit code, output and errors."""

    def run(root: Path, workflow: str, **request: Any) -> tuple[int, str, str]:
        monkeypatch.setenv("OPTIMUS_ROOT", str(root))
        monkeypatch.setenv("SECRET_OF_HOST", "x")
        try:
            run_workflow(RunRequest(workflow, **request))
        except OpsError as error:
            captured = capsys.readouterr()
            return error.exit_code, captured.out, f"{captured.err}{error}"
        return (0, *capsys.readouterr())

    return run


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in document["jobs"]}


def test_a_workflow_runs_as_github_would_run_it(checkout: Checkout, ci_run: CiRun) -> None:
    root = checkout(FILES)
    (root / "data").write_text("changed since\n")
    code, output, errors = ci_run(root, "ci", json=True)
    document = json.loads(output)
    jobs = by_name(document)
    assert code == 1
    assert {name: job["result"] for name, job in jobs.items()} == {
        "plan": "success",
        "test (1)": "success",
        "test (2)": "failure",
        "other": "success",
        "mac": "skipped",
        "gate": "success",
    }
    assert [step["result"] for step in jobs["test (2)"]["steps"]] == [
        "success",
        "success",
        "failure (tolerated)",
        "failure (tolerated)",
        "failure",
    ]
    assert jobs["mac"]["reason"] == "wants macos-15, which is not this machine"
    assert {"level": "error", "message": "bad", "place": "a.py:3"} in document["annotations"]
    assert document["not_run"] == ["owner/unknown@v1"]
    assert "1 uncommitted files are not part of the run" in errors
    state = root / ".optimus"
    assert [path.read_text() for path in state.glob("artifacts/*/*/data")] == ["committed\n"]
    (page,) = state.glob("ci/*/ci-run.html")
    assert all(word in page.read_text() for word in ("test (2)", "planned", "owner/unknown@v1"))
    assert not [*state.glob("ci/*/checkout"), *state.glob("ci/*/workspaces")]


def test_a_pipe_is_told_each_step_of_a_job_that_begins(checkout: Checkout, ci_run: CiRun) -> None:
    steps = "[{name: Build, run: 'true'}, {name: Try, run: 'true'}]"
    text = f"on: push\njobs: {{a: {{name: First, runs-on: x, steps: {steps}}}}}"
    code, output, _ = ci_run(checkout({".github/workflows/ci.yml": text}), "ci")
    assert (code, [line for line in output.splitlines() if ": " in line and line.startswith("  First")]) == (
        0,
        ["  First: Build", "  First: Try"],
    )


def test_nothing_of_a_run_outlives_it_even_if_it_is_killed(checkout: Checkout, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    step = f"trap '' INT TERM; echo $$ > {begun}; while :; do sleep 0.1; done"
    text = f"on: push\njobs: {{a: {{runs-on: x, steps: [{{run: {json.dumps(step)}}}]}}}}"
    root = checkout({".github/workflows/ci.yml": text})
    words = "from optimus_ops.ci.run_request import RunRequest as R; run_workflow(R('ci'))"
    command = [sys.executable, "-c", f"from optimus_ops.ci.execute import run_workflow; {words}"]
    environ = {**os.environ, "OPTIMUS_ROOT": str(root)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while not begun.exists() or not begun.read_text():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    while alive(int(begun.read_text())):
        time.sleep(0.02)


def test_a_workflow_that_act_does_not_take_is_a_failure(checkout: Checkout, ci_run: CiRun) -> None:
    # A function of GitHub's that act does not know yet.
    text = "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ case(true, 1, 2) }}'}]}}"
    code, _, errors = ci_run(checkout({".github/workflows/a.yml": text}), "a")
    assert code == 1
    assert "act ended with 1" in errors
    assert "case" in errors


def test_one_job_with_what_it_needs_in_one_combination(checkout: Checkout, ci_run: CiRun) -> None:
    code, output, _ = ci_run(checkout(FILES), "ci", job="test", matrix=("n=1",), json=True)
    assert code == 0
    assert list(by_name(json.loads(output))) == ["plan", "test (1)"]


def test_a_secret_reaches_the_workflow_only_by_name(checkout: Checkout, ci_run: CiRun) -> None:
    text = 'on: push\njobs: {a: {runs-on: x, steps: [{run: \'test "${{ secrets.SECRET_OF_HOST }}" = "x"\'}]}}'
    root = checkout({".github/workflows/s.yml": text})
    assert ci_run(root, "s")[0] == 1
    assert ci_run(root, "s", secrets=("SECRET_OF_HOST",))[0] == 0


def test_other_repositories_are_checked_out_from_the_folders_that_stand_for_them(
    checkout: Checkout, ci_run: CiRun
) -> None:
    other = checkout(
        {"say/action.yml": "runs: {using: composite, steps: [{uses: $/deep}]}", "deep/action.yml": GREETING}
    )
    text = f"""
on: push
jobs:
  given:
    runs-on: x
    steps:
      - uses: {CHECKOUT}
      - {{uses: {CHECKOUT}, with: {{repository: O/r, ref: v1, path: ./.other}}}}
      - {{uses: {CHECKOUT}, with: {{repository: "", ref: abc, path: again}}}}
      - uses: ./.other/say
      - run: test -f data && test -f again/data
  absent: {{runs-on: x, steps: [{{uses: {CHECKOUT}, with: {{repository: o/none, path: x}}}}]}}
  outside: {{runs-on: x, steps: [{{uses: {CHECKOUT}, with: {{repository: o/r, path: ../..}}}}]}}
"""
    root = checkout({".github/workflows/o.yml": text, "data": ""})
    code, output, _ = ci_run(root, "o", json=True, replace=(f"o/r={other}",))
    results = {name: job["result"] for name, job in by_name(json.loads(output)).items()}
    assert (code, results) == (1, {"given": "success", "absent": "failure", "outside": "failure"})
    assert "o/none is not on this machine: give invoke ci.run --replace o/none=FOLDER" in output
    assert "path ../.. is outside the workspace" in output
    assert "not at v1" in output


def test_a_cache_is_never_found(checkout: Checkout, ci_run: CiRun) -> None:
    given = "path: data, key: k, restore-keys: r"
    text = f"""
on: push
jobs:
  split:
    runs-on: x
    steps:
      - {{uses: actions/cache/save@v5, with: {{path: data, key: k}}}}
      - {{id: c, uses: actions/cache/restore@v5, with: {{{given}}}}}
      - run: test '${{{{ toJSON(steps.c.outputs) }}}}' = '${{{{ toJSON(fromJSON(env.OUTPUTS)) }}}}'
        env: {{OUTPUTS: '{{"cache-hit": "false", "cache-matched-key": "", "cache-primary-key": "k"}}'}}
  whole: {{runs-on: x, steps: [{{uses: actions/cache@v5, with: {{{given}, fail-on-cache-miss: true}}}}]}}
  required: {{runs-on: x, steps: [{{uses: actions/cache/restore@v5, with: {{{given}, fail-on-cache-miss: true}}}}]}}
"""
    code, output, _ = ci_run(checkout({".github/workflows/c.yml": text, "data": ""}), "c", json=True)
    results = {name: job["result"] for name, job in by_name(json.loads(output)).items()}
    assert (code, results) == (1, {"split": "success", "whole": "failure", "required": "failure"})
    assert "no cache is kept on this machine" in output


SCRIPT = """
on: pull_request
jobs:
  told:
    runs-on: x
    steps:
      - id: s
        uses: actions/github-script@v8
        with:
          script: |
            const { data: comments } = await github.rest.issues.listComments({...context.repo});
            if (comments.find((comment) => comment.body.includes('plan'))) return 'updated';
            const body = 'the plan: `scale`\\nof ' + context.issue.number;
            await github.rest.issues.createComment({...context.repo, issue_number: context.issue.number, body});
            core.setOutput('mine', 'two\\nlines');
            await core.summary.addHeading('Planned').write();
            return {made: true};
      - run: test '${{ steps.s.outputs.result }}' = '{"made":true}'
      - run: test '${{ steps.s.outputs.mine }}' = "$(printf 'two\\nlines')"
      - {uses: actions/github-script@v8, with: {script: "throw new Error('not so')"}}
"""


@pytest.mark.skipif(not shutil.which("node"), reason="scripts are run by Node.js")
def test_a_script_s_comment_is_printed_and_not_made(checkout: Checkout, ci_run: CiRun, tmp_path: Path) -> None:
    (tmp_path / "pull.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    root = checkout({".github/workflows/c.yml": SCRIPT})
    code, output, _ = ci_run(root, "c", event=str(tmp_path / "pull.json"), json=True)
    document = json.loads(output)
    assert (code, [step["result"] for step in by_name(document)["told"]["steps"]]) == (1, [*["success"] * 3, "failure"])
    messages = [finding["message"] for finding in document["annotations"]]
    assert any("github.rest.issues.createComment" in text and '"issue_number":7' in text for text in messages)
    assert "not so" in messages
    log = next((root / ".optimus" / "ci").glob("*/act.jsonl")).read_text()
    assert "the plan: `scale`" in log
    assert "Planned" in next((root / ".optimus" / "ci").glob("*/ci-run.md")).read_text()


def test_a_script_without_node_is_not_run(tmp_path: Path) -> None:
    program = LOCAL_ACTIONS / "actions__github-script" / "run_script.py"
    done = subprocess.run(
        [sys.executable, program], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("::warning title=not run here::actions/github-script needs Node.js")


def test_the_payload_of_an_event_comes_from_a_file(checkout: Checkout, ci_run: CiRun) -> None:
    step = "test ${{ github.event_name }}-${{ github.event.number }} = pull_request-7"
    text = f"on: [push, pull_request]\njobs: {{a: {{runs-on: x, steps: [{{run: '{step}'}}]}}}}"
    root = checkout({".github/workflows/e.yml": text, "pr.json": '{"pull_request": {}, "number": 7}'})
    assert ci_run(root, "e", event=str(root / "pr.json"))[0] == 0
    assert ci_run(root, "e", event="push")[0] == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"workflow": "no"}, "no workflow 'no'"),
        ({"workflow": "ci", "job": "no"}, "ci has no job 'no'"),
        ({"workflow": "ci", "event": "no"}, "does not run on 'no'"),
        ({"workflow": "ci", "event": "no.json"}, "--event no.json: No such file or directory"),
        ({"workflow": "ci", "event": "data.json"}, "--event data.json: not JSON"),
        ({"workflow": "ci", "matrix": ("n",)}, "--matrix n: name=value is expected"),
        ({"workflow": "broken"}, ".github/workflows/broken.yml:3:1: not YAML"),
        ({"workflow": "words"}, ".github/workflows/words.yml:2:48: unknown function 'nonsense'"),
        ({"workflow": "ci", "secrets": ("NOT_SET",)}, "--secret NOT_SET: the environment has no such variable"),
    ],
)
def test_wrong_words_are_refused(
    checkout: Checkout, ci_run: CiRun, monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any], message: str
) -> None:
    root = checkout(
        {
            **FILES,
            ".github/workflows/broken.yml": "on: push\njobs: {a: \n",
            ".github/workflows/words.yml": WORDS,
            "data.json": "{",
        }
    )
    monkeypatch.chdir(root)
    code, output, errors = ci_run(root, **request_)
    assert (code, output) == (2, "")
    assert message in errors
    assert not (root / ".optimus" / "ci").exists()


def test_without_a_remote_the_repository_is_named_after_the_folder(checkout: Checkout, ci_run: CiRun) -> None:
    step = "test ${{ github.repository }}/${{ github.actor }}/$GITHUB_REPOSITORY = local/checkout/local/local/checkout"
    text = f"on: push\njobs: {{a: {{runs-on: x, steps: [{{run: '{step}'}}]}}}}"
    assert ci_run(checkout({".github/workflows/a.yml": text}), "a")[0] == 0


def test_a_clone_that_fails_leaves_nothing(checkout: Checkout, ci_run: CiRun) -> None:
    root = checkout(FILES)
    blob = next(path for path in (root / ".git" / "objects").glob("??/*") if path.stat().st_size)
    for path in (root / ".git" / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    assert blob.stat().st_size == 0
    code, _, errors = ci_run(root, "ci")
    assert code in {1, 2}
    assert not [path for path in (root / ".optimus").glob("*/*") if path.name != "home"]
    assert errors


def test_the_last_lines_of_a_step_that_fails_are_never_lost(checkout: Checkout, ci_run: CiRun) -> None:
    command = "seq 3000; echo ::error file=a.py,line=3::the reason; printf last; exit 3"
    steps = f"[{{run: '{command}'}}, {{if: always(), shell: sh, run: 'seq 3000; echo ::error::again; exit 1'}}]"
    jobs = ", ".join(f"j{number}: {{runs-on: x, steps: {steps}}}" for number in range(8))
    root = checkout({".github/workflows/a.yml": f"on: push\njobs: {{{jobs}}}"})
    code, output, errors = ci_run(root, "a", json=True)
    assert code == 1
    assert [found["message"] for found in json.loads(output)["annotations"]].count("the reason") == 8
    assert [found["message"] for found in json.loads(output)["annotations"]].count("again") == 8
    assert errors.count("    last\n") == 8
    assert "optimus-ops: end of a step" not in errors
    (page,) = (root / ".optimus").glob("ci/*/ci-run.html")
    assert page.read_text().count("last</pre>") == 8


def test_steps_work_in_the_commit_itself_with_the_shells_of_the_machine(checkout: Checkout, ci_run: CiRun) -> None:
    killed = """python3 -c "import subprocess; assert subprocess.call(['sh', '-c', 'kill -TERM \\$\\$']) == -15" """
    text = f"""
on: push
jobs:
  a:
    runs-on: x
    steps:
      - uses: {CHECKOUT}
      - uses: $/.github/actions/greet
      - run: git diff --exit-code
      - run: {killed}
"""
    root = checkout({".github/workflows/a.yml": text, ".github/actions/greet/action.yml": GREETING})
    code, _, errors = ci_run(root, "a")
    assert code == 0, errors
