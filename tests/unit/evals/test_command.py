"""`invoke llm-eval`, from its flags to its exit code."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from tests.unit.evals.conftest import GIT, SUITE, Shop

GOOD = "You talk to {{name}}. Say hello\n"
WORSE = "You talk to {{name}}. Say nothing\n"
NEW = """
  - id: night
    reason: of the new prompt
    prompt: part
    ask: the night
    assert:
      - contains: goodbye
"""
LEAKS = "You talk to {{name}}. Say hello CANARY\n"


def test_without_a_baseline_the_suites_are_judged(shop: Shop) -> None:
    outcome = shop.evaluate()

    assert (outcome.code, outcome.document["verdict"]) == (0, "not compared")
    (suite,) = outcome.document["suites"]
    assert [(case["id"], case["candidate"][0]["scores"]) for case in suite["cases"]] == [
        ("morning", {"correct": 1.0}),
        ("evening", {"correct": 1.0}),
    ]
    assert suite["cases"][0]["candidate"][0]["prompt_version"].startswith("greet/en@")


def test_an_unchanged_prompt_passes_the_gate(shop: Shop) -> None:
    outcome = shop.evaluate(gate=True)

    assert (outcome.code, outcome.document["verdict"], outcome.document["baseline"]) == (0, "pass", "main")
    # What both sides ask is asked, counted and paid once.
    assert (outcome.document["asked"], outcome.document["cached"]) == (2, 0)


def test_a_worse_prompt_of_the_work_tree_fails_the_gate(shop: Shop) -> None:
    shop.write("prompts/greet/en.md", WORSE)

    outcome = shop.evaluate(gate=True)

    assert (outcome.code, outcome.document["verdict"]) == (1, "fail")
    assert outcome.error is not None
    assert "greetings" in outcome.error.message


def test_a_case_that_the_baseline_s_prompts_can_t_be_asked_is_judged_and_not_compared(shop: Shop) -> None:
    shop.write("prompts/part/prompt.yaml", "default-locale: en\nvariables: {name: {}}\n")
    shop.write("prompts/part/en.md", "You talk to {{name}}. Say goodbye\n")
    shop.write(
        "suites/partings.yaml",
        SUITE.replace("prompt: greet", "prompt: part").replace("contains: hello", "contains: goodbye"),
    )
    shop.write("suites/greetings.yaml", SUITE + NEW)

    outcome = shop.evaluate(gate=True)

    assert (outcome.code, outcome.document["verdict"]) == (0, "pass")
    greetings, partings = outcome.document["suites"]
    assert (greetings["verdict"], partings["verdict"]) == ("pass", "not compared")
    assert [(case["id"], len(case["baseline"])) for case in greetings["cases"]] == [
        ("morning", 1), ("evening", 1), ("night", 0),
    ]  # fmt: skip
    assert greetings["metrics"][0]["estimate"]["cases"] == 2
    assert (
        "PASS: 1 suites are not worse than the baseline; 1 are new."
        in shop.evaluate(gate=True, json_wanted=False).printed
    )
    assert greetings["cases"][-1]["candidate"][0]["scores"] == {"correct": 1.0}


def test_a_branch_that_only_the_remote_has_is_a_baseline(shop: Shop) -> None:
    subprocess.run([*GIT, "update-ref", "refs/remotes/origin/next", "HEAD"], cwd=shop.root, check=True)
    shop.write("prompts/greet/en.md", WORSE)

    assert shop.evaluate(gate=True, baseline="next").code == 1


def test_without_a_gate_a_worse_prompt_is_told_and_is_no_failure(shop: Shop) -> None:
    shop.write("prompts/greet/en.md", WORSE)

    outcome = shop.evaluate(baseline="main")

    assert (outcome.code, outcome.document["verdict"]) == (0, "fail")


def test_a_broken_invariant_fails_with_and_without_a_gate(shop: Shop) -> None:
    shop.write("prompts/greet/en.md", LEAKS)

    assert shop.evaluate().code == 1
    outcome = shop.evaluate(gate=True)
    assert outcome.code == 1
    assert outcome.document["suites"][0]["broken"] == [
        {"case": "evening", "invariant": "has nothing of 'CANARY': has 'CANARY'"}
    ]


def test_one_file_or_another_folder_takes_the_place_of_a_prompt(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other" / "greet" / "en.md"
    other.parent.mkdir(parents=True)
    other.write_text(WORSE)
    (other.parent / "prompt.yaml").write_text((shop.root / "prompts/greet/prompt.yaml").read_text())

    assert shop.evaluate(prompt=str(other), gate=True).code == 1
    assert shop.evaluate(prompt=str(other.parents[1]), gate=True).code == 1
    assert (shop.root / "prompts/greet/en.md").read_text() == GOOD


def test_the_plan_asks_nothing(shop: Shop) -> None:
    outcome = shop.evaluate(plan=True, baseline="main", model="broken")

    (suite,) = outcome.document["suites"]
    assert (suite["cases"], suite["changed"], suite["answers"], suite["answers_of_second_stage"]) == (2, 0, 12, 16)


def test_the_report_is_for_people_and_programs(shop: Shop, tmp_path: Path) -> None:
    shop.write("prompts/greet/en.md", LEAKS)

    outcome = shop.evaluate(gate=True, report=str(tmp_path / "report"), json_wanted=False)

    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"llm-eval.md", "llm-eval.html", "llm-eval.json", "llm-eval.xml"}
    assert "FAIL" in outcome.printed
    page = (tmp_path / "report" / "llm-eval.html").read_text()
    assert "hello <ins>CANARY </ins>to the evening" in page
    assert "Say <ins>hello CANARY\n</ins>" in page
    tests = ET.fromstring((tmp_path / "report" / "llm-eval.xml").read_text())
    failed = {case.get("name"): case.find("failure") is not None for case in tests.iter("testcase")}
    assert failed == {"correct": False, "morning": False, "evening": True}


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ({"suites": ("greeting",)}, 2, "--suite greeting: no such suite"),
        ({"model": "gpt"}, 2, "--model gpt: no such model"),
        ({"baseline": "no-such-branch"}, 2, "--baseline no-such-branch: no such commit"),
        ({"baseline": "--help"}, 2, "no such commit"),
        ({"prompt": "missing.md"}, 2, "--prompt missing.md: no such file"),
        ({"prompt": "shop_evals.py"}, 2, "no such file|takes the place of no prompt"),
        ({"model": "broken"}, 1, "did not start: no such weights"),
        ({"model": "recorded"}, 2, "recorded.jsonl: can't be read"),
        ({"model": "far"}, 2, "keys are sent over https only"),
        ({"model": "far", "budget": 1.5}, 2, "what m costs is not known, so no budget can be kept"),
    ],
)
def test_what_can_t_be_evaluated_is_one_message(shop: Shop, flags: dict[str, Any], code: int, message: str) -> None:
    outcome = shop.evaluate(**flags)

    assert outcome.error is not None
    assert outcome.code == code
    assert not outcome.document
    assert re.search(message, outcome.error.message)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("suites/greetings.yaml", SUITE.replace("{name: Ada}", "{nme: Ada}"), "no variable 'nme'"),
        ("suites/greetings.yaml", SUITE.replace("prompt: greet", "prompt: great"), "no prompt 'great'"),
        ("prompts/greet/en.md", "{{nobody}}", "no variable 'nobody'"),
        ("prompts/greet/prompt.yaml", "[", "not valid YAML"),
        ("pyproject.toml", '[tool.optimus-ops]\nname = "shop"\n', "no evaluations"),
        ("pyproject.toml", '[tool.optimus-ops]\nname = "shop"\nevals = "nothing"\n', "no module nothing"),
    ],
)
def test_a_project_that_can_t_be_evaluated_is_one_message(shop: Shop, name: str, text: str, message: str) -> None:
    shop.write(name, text)

    outcome = shop.evaluate()

    assert outcome.error is not None
    assert outcome.code == 2
    assert message in outcome.error.message


def test_a_recording_that_lacks_an_answer_decides_nothing(shop: Shop) -> None:
    shop.write("recorded.jsonl", "")

    outcome = shop.evaluate(model="recorded", gate=True)

    assert (outcome.code, outcome.document["verdict"]) == (1, "error")
    error = outcome.document["suites"][0]["cases"][0]["candidate"][0]["error"]
    assert error == "not recorded: the change needs new answers"
    assert outcome.error is not None
    assert "invoke evals.record" in (outcome.error.hint or "")
    assert outcome.document["recording"] == "0 of 10 answers are recorded"


def test_the_report_of_an_earlier_run_is_a_baseline_whose_answers_are_judged_anew(shop: Shop, tmp_path: Path) -> None:
    shop.evaluate(report=str(tmp_path / "before"))
    assert shop.evaluate(gate=True, baseline=str(tmp_path / "before")).document["verdict"] == "pass"
    shop.write("prompts/greet/en.md", WORSE)

    outcome = shop.evaluate(gate=True, baseline=str(tmp_path / "before" / "llm-eval.json"))

    assert (outcome.code, outcome.document["verdict"], outcome.document["asked"]) == (1, "fail", 2)
    case = outcome.document["suites"][0]["cases"][0]
    assert [case[side][0]["scores"]["correct"] for side in ("baseline", "candidate")] == [1.0, 0.0]
    plan = shop.evaluate(plan=True, baseline=str(tmp_path / "before")).document["suites"][0]
    assert (plan["answers"], plan["answers_of_second_stage"], plan["changed"]) == (1 * 2, 0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suites/greetings.yaml": SUITE + "\n# another version\n"}, "its suite 'greetings' is of another version"),
        ({"suites/more.yaml": SUITE}, "it has no suite 'more'"),
        ({"report/llm-eval.json": "{}"}, "no document of llm-eval"),
    ],
)
def test_a_report_that_can_t_be_compared_with_is_refused_before_anything_is_asked(
    shop: Shop, change: dict[str, str], message: str
) -> None:
    report = shop.root / "report"
    shop.evaluate(report=str(report))
    for name, text in change.items():
        shop.write(name, text)

    outcome = shop.evaluate(baseline=str(report), model="program")

    assert outcome.error is not None
    assert (outcome.code, outcome.document) == (2, {})
    assert message in outcome.error.message


def test_without_scipy_a_gate_that_needs_it_is_refused_and_one_that_does_not_is_none_the_worse(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)

    outcome = shop.evaluate(gate=True, model="recorded")

    assert outcome.error is not None
    assert (outcome.code, outcome.document) == (3, {})
    assert "optimus-ops[evals]" in str(outcome.error.hint)
    assert shop.evaluate(gate=True).code == 0
