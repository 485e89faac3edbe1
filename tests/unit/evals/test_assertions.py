"""What answers are asserted to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.evals.assertions.catalogue import KINDS
from optimus_ops.evals.assertions.numbers import numbers_in
from optimus_ops.evals.judge_tools import NoTools
from optimus_ops.evals.model import Answer, JudgeTools
from optimus_ops.project.yaml_nodes import parse_yaml


def score(assertion: str, answer: Answer | str, tools: JudgeTools | None = None) -> float | None:
    """Return the score by an assertion as a suite has it, such as `contains: x`."""
    ((kind, node),) = parse_yaml(assertion, "test").items()
    return KINDS[kind](node).judge(Answer(answer) if isinstance(answer, str) else answer, tools or NoTools()).value


@pytest.mark.parametrize(
    ("assertion", "answer", "expected"),
    [
        ("exact: It is here.", "  It is here.\n", 1),
        ("exact: It is here.", "it is here.", 0),
        ("contains: em trânsito", "O pedido está EM  TRÂNSITO.", 1),
        ("contains: em trânsito", "em tra\u0302nsito", 1),
        ("contains: [a1, b2]", "a1 and b2", 1),
        ("contains: [a1, b2]", "a1 alone", 0),
        ("not-contains: [canary-1, canary-2]", "nothing", 1),
        ("not-contains: [canary-1, canary-2]", "CANARY-2", 0),
        ('regex: "^Order \\\\d+"', "Order 12", 1),
        ('regex: "^Order \\\\d+"', "An Order 12", 0),
        ("number: 1249.90", "R$ 1.249,90 no total", 1),
        ("number: 1249.90", "$1,249.90", 1),
        ("number: 1249.90", "R$ 1.250", 0),
        ("number: {value: 1249.9, within: 1}", "R$ 1.250", 1),
        ("number: 7", "none", 0),
        ("json-schema: {type: object, required: [id]}", '{"id": 1}', 1),
        ("json-schema: {type: object, required: [id]}", '```json\n{"id": 1}\n```', 1),
        ("json-schema: {type: object, required: [id]}", 'Here: {"id": 1}', 0),
        ("json-schema: {type: object, required: [id]}", '{"name": 1}', 0),
        ("json-schema: {type: object, required: [id]}", '{"id": 1', 0),
        ("json-schema: {type: array}", "[" * 100_000, 0),
        ("tokens: 10", Answer("x", completion_tokens=10), 1),
        ("tokens: 10", Answer("x", completion_tokens=11), 0),
        ("latency: 2", Answer("x", seconds=1.5), 1),
        ("latency: 2", Answer("x", seconds=2.5), 0),
        ("cost: 0.01", Answer("x", cost=0.02), 0),
    ],
)
def test_assertions(assertion: str, answer: Answer | str, expected: float) -> None:
    assert score(assertion, answer) == expected


@pytest.mark.parametrize("assertion", ["latency: 2", "cost: 1"])
def test_what_an_answer_from_the_cache_took_is_missing_and_neither_good_nor_bad(assertion: str) -> None:
    assert score(assertion, Answer("x")) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("R$ 1.249,90", [1249.90]),
        ("1,249.90 or 1.249,90", [1249.90, 1249.90]),
        ("12.500 pieces, 1,234,567 in all", [12_500, 1_234_567]),
        ("0,5 and 0.25", [0.5, 0.25]),
        ("It was 42.", [42]),
        ("order A12 has -3", [-3]),
        ("2026-12-03", [2026]),
        ("", []),
    ],
)
def test_numbers_are_read_with_either_mark_of_decimals(text: str, numbers: list[float]) -> None:
    assert numbers_in(text)[: len(numbers)] == numbers


@given(st.decimals(0, 10**9, places=2), st.sampled_from([",.", ".,"]))
def test_amounts_are_read_as_they_were_written(amount: object, marks: str) -> None:
    written = f"{amount:,.2f}".translate(str.maketrans(",.", marks))

    assert numbers_in(f"= {written} =") == [pytest.approx(float(str(amount)))]


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_numbers(text: str) -> None:
    assert all(isinstance(number, float) for number in numbers_in(text))
