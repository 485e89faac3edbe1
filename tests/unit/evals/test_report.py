"""What people see of an evaluation."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from tests.unit.evals.fake_model import FakeModel, Reply, collector, rendered, suite

from optimus_ops.evals.assertions.models import Rubric
from optimus_ops.evals.assertions.texts import Contains
from optimus_ops.evals.junit_run import junit_run
from optimus_ops.evals.model import Answer, Case, Expectation, Message, Suite, Unanswered
from optimus_ops.evals.prompt_changes import PromptChange
from optimus_ops.evals.report import EvalFacts, eval_report
from optimus_ops.evals.result import SuiteResult
from optimus_ops.evals.run import EvalArms, EvalRun
from optimus_ops.reports.html import page
from optimus_ops.reports.junit import junit
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.place import Place
from optimus_ops.reports.terminal import terminal_text

FACTS = EvalFacts("fake", "main", "invoke llm-eval", 10, 0, 1.0)
HOSTILE = "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:a)|`\x1b[31m\u202e"


def evaluated(folder: Path, reply: Reply, cases: Suite, *, deterministic: bool = False) -> SuiteResult:
    arms = EvalArms(cases, rendered(cases, "new"), rendered(cases, "good"), deterministic=deterministic)
    return EvalRun(collector(folder, FakeModel(reply))).evaluate(arms)


def shown(result: SuiteResult, facts: EvalFacts = FACTS, columns: int = 80) -> str:
    return terminal_text(eval_report([result], facts), colour=False, columns=columns)


def worse(text: str, _number: int) -> Answer:
    number = int(text.rpartition("-")[2])
    return Answer("all wrong" if text.startswith("new") and number % 3 == 0 else "right", "stop", 100, 7, cost=0.01)


def test_the_verdict_comes_first_with_its_reason_and_the_cases_that_got_worse(tmp_path: Path) -> None:
    lines = shown(evaluated(tmp_path, worse, suite(12), deterministic=True)).splitlines()

    assert lines[1] == "FAIL: worse than the baseline in orders."
    assert "  orders: 33.3 points worse (exact)" in lines
    place = lines.index("Cases that got worse")
    assert lines[place + 2].split() == ["orders/case-0", "worse", "by", "100", "correct:", "lacks", "'right'"]
    assert [line for line in lines if line.startswith("all  ")] == [
        "all    baseline        12   100      7.0  0.1200    -",
        "all    candidate       12   100      7.0  0.1200    -",
    ]
    assert max(map(len, lines)) <= 80


def test_suites_that_pass_are_counted_and_so_are_cases_without_a_baseline(tmp_path: Path) -> None:
    cases = suite(30)
    theirs = [replace(each, messages=()) if number < 2 else each for number, each in enumerate(rendered(cases, "x"))]
    arms = EvalArms(cases, rendered(cases, "new"), theirs, deterministic=True)
    result = EvalRun(collector(tmp_path, FakeModel(lambda _text, _number: Answer("right")))).evaluate(arms)

    text = terminal_text(eval_report([result, result], FACTS), colour=False, columns=80)

    assert "PASS: 2 suites are not worse than the baseline." in text
    assert "4 cases are new" in text
    assert re.search(r"^orders +28 +100.0 +100.0", text, re.MULTILINE)


def test_without_a_baseline_the_means_are_shown(tmp_path: Path) -> None:
    cases = suite(12)
    result = EvalRun(collector(tmp_path, FakeModel(worse))).evaluate(EvalArms(cases, rendered(cases, "new")))

    assert re.search(r"^orders +12 +66.7$", shown(result), re.MULTILINE)


def test_what_is_not_decided_says_what_it_may_be_and_how_many_cases_would_decide(tmp_path: Path) -> None:
    def unsure(text: str, number: int) -> Answer:
        return Answer("right" if (hash_of(text) + number) % 3 else "wrong")

    text = shown(evaluated(tmp_path, unsure, suite(24)))

    assert "INCONCLUSIVE: no worsening is proven, and none ruled out, in orders." in text
    assert re.search(r"but it may be\s+-\d+\.\d:\s+[\d,]+\s+cases\s+would\s+decide,\s+these\s+are\s+24", text)


def hash_of(text: str) -> int:
    return sum(text.encode())


def test_answers_that_are_missing_say_why_and_of_which_cases(tmp_path: Path) -> None:
    def fails(text: str, _number: int) -> Answer:
        if text.startswith("new") and text.endswith(("-1", "-2")):
            raise Unanswered("not recorded: the change needs new answers")
        return Answer("right")

    text = shown(evaluated(tmp_path, fails, suite(12)), columns=120)

    assert "ERROR: too many answers are missing to decide on orders." in text
    assert re.search(r"orders +2  not recorded: the change needs new answers +case-1, case-2", text)


def test_metrics_that_do_not_block_are_told(tmp_path: Path) -> None:
    expectations = (Expectation(Contains(("right",)), metric="tone"), Expectation(Contains(("r",))))
    cases = tuple(
        Case(f"case-{number}", Place("s.yaml", 1), "because", (Message("user", "ask"),), expectations)
        for number in range(12)
    )

    text = shown(evaluated(tmp_path, worse, Suite("orders", "", cases), deterministic=True))

    assert re.search(r"^orders: tone +12 +100.0 +66.7 +-33.3 +4 +not blocking$", text, re.MULTILINE)


def test_a_judge_that_can_t_be_understood_is_told_of(tmp_path: Path) -> None:
    rubric = (Expectation(Rubric("It is polite."), metric="tone"),)
    case = Case("a", Place("s.yaml", 1), "because", (Message("user", "ask"),), rubric)

    text = shown(evaluated(tmp_path, lambda _text, _number: Answer("hi"), Suite("orders", "", (case,), ("tone",))))

    assert "not judged: meets 'It is polite.'" in " ".join(text.split())


def test_a_page_shows_each_case_with_both_answers_and_what_was_asserted(tmp_path: Path) -> None:
    change = PromptChange("answer/en.md", "Be brief.\n", "Be long.\n")
    facts = EvalFacts("fake", "main", "invoke llm-eval", 10, 0, 1.0, prompts=(change,))

    made = page(eval_report([evaluated(tmp_path, worse, suite(12), deterministic=True)], facts))

    assert "<del>right</del>" in made
    assert "<ins>all wrong</ins>" in made
    assert "Be <ins>long</ins>." in made
    assert "](#" not in markdown(eval_report([evaluated(tmp_path, worse, suite(12), deterministic=True)], facts))
    assert '<a href="#orders-case-0">orders/case-0</a>' in made
    assert made.index('id="orders-case-9"') < made.index('id="orders-case-1"'), "those that got worse come first"
    assert '<option value="worse">worse (4)</option>' in made
    assert 'class="picture intervals"' in made


def test_all_answers_of_repeats_are_there(tmp_path: Path) -> None:
    made = page(eval_report([evaluated(tmp_path, worse, suite(24))], FACTS))

    assert ">0 of 4</span>" in made
    assert ">4 of 4</span>" in made
    assert "candidate 4: </span>all wrong" in made


def test_answers_of_others_stay_text(tmp_path: Path) -> None:
    def hostile(text: str, _number: int) -> Answer:
        return Answer(HOSTILE + ("" if text.startswith("new") else " right"))

    result = evaluated(tmp_path, hostile, suite(3), deterministic=True)
    made = page(eval_report([result], FACTS))

    assert made.count("<script") == 1, "the page's own"
    assert "<img" not in made
    assert "<script>alert(1)</script>" in unescape(re.sub("</?(?:del|ins)>", "", made))
    for turned in ("\x1b", "\u202e"):
        assert turned not in shown(result) + made + markdown(eval_report([result], FACTS))
    assert "<script" not in markdown(eval_report([result], FACTS))


def test_the_comment_stays_small_whatever_the_number_of_cases(tmp_path: Path) -> None:
    cases = suite(400, canary="wrong")
    changes = tuple(PromptChange(f"p{number}/en.md", "a\n" * 500, "b\n" * 500) for number in range(20))
    facts = EvalFacts("fake", "main", "invoke llm-eval", 10, 0, 1.0, prompts=changes)

    text = markdown(eval_report([evaluated(tmp_path, worse, cases, deterministic=True)], facts))

    assert len(text) < 10_000
    assert "**FAIL**: worse than the baseline in orders; invariants are broken in orders, by 134 cases." in text


@pytest.mark.parametrize(("canary", "failures"), [("", "1"), ("wrong", "5")])
def test_a_metric_and_each_broken_invariant_is_a_failed_test(tmp_path: Path, canary: str, failures: str) -> None:
    result = evaluated(tmp_path, worse, suite(12, canary=canary), deterministic=True)

    assert f'tests="13" failures="{failures}"' in junit(junit_run([result]))
