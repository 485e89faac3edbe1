"""Expressions: what is refused, where, and what GitHub takes."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.ci.expressions import CONTEXTS, ExpressionError, Scope, check_expression, embedded
from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.project.yaml_nodes import YamlError

ALL = Scope(CONTEXTS, {"always": (0, 0), "hashfiles": (1, 255)})


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "null",
        "-1.5e3 == 0xff || +.5 < NaN",
        "'it''s' == github.ref",
        "!cancelled",
        "github.event.*.name[0].x",
        "github['event']['x-y'][*]",
        "(a)",
        "fromJSON(needs.plan.outputs.list)[matrix.index].os",
        "contains(fromJson('[1, 2]'), matrix.n) && ALWAYS()",
        "case(true, 1, 2)",
        "needs.*.result\n  != 'success'",
        "hashFiles('**/a', 'b')",
        "env.true",
    ],
)
def test_expressions_that_github_takes(text: str) -> None:
    check_expression(text, Scope(CONTEXTS | {"a", "cancelled"}, ALL.functions))


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("", "ends too early", 0),
        ("1 +", "unexpected '+'", 2),
        ("a.", "unknown context 'a'", 0),
        ("github.", "ends too early", 7),
        ("(github.ref", "ends too early", 11),
        ("github.ref)", "unexpected ')'", 10),
        ("github.ref == 'x", 'unexpected "\'x"', 14),
        ("github.ref = 'x'", "unexpected '='", 11),
        ("nope(1)", "unknown function 'nope'", 0),
        ("foo.bar", "unknown context 'foo'", 0),
        ("always(1)", "function 'always' does not take 1 arguments", 0),
        ("contains('a')", "function 'contains' does not take 1 arguments", 0),
        ("case(true, 1)", "does not take 2 arguments", 0),
        ('github.ref == "x"', "unexpected '\"x\"'", 14),
        ("1x", "unexpected '1x'", 0),
        ("'a'.b", "unexpected '.'", 3),
        ("(" * 51 + "1" + ")" * 51, "nested more than 50 times", 50),
    ],
)
def test_expressions_that_are_refused_at_their_position(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError) as refused:
        check_expression(text, ALL)
    assert message in str(refused.value)
    assert refused.value.position == position


def test_expressions_are_found_in_a_text() -> None:
    assert list(embedded("a ${{ x }} b ${{ '}}' }}")) == [(5, " x "), (16, " '}}' ")]
    with pytest.raises(ExpressionError, match="not closed"):
        list(embedded("${{ '}}"))


@given(st.text(alphabet="ab1.'()[]!=<>&|*, $-+\n"))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        check_expression(text, Scope(frozenset({"a", "b"}), {}))


def refusal(text: str) -> str:
    with pytest.raises(YamlError) as refused:
        parse_workflow(text, Path("/x/w.yml"), "w.yml")
    return str(refused.value).partition("\n")[0]


JOB = "on: push\njobs:\n  a:\n    runs-on: x\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("    steps: [{run: 'echo ${{ nope(1) }}'}]\n", "5:29", "unknown function 'nope' in `nope(1)`"),
        ("    steps:\n      - run: |\n          true\n          echo ${{ x.y }}\n", "8:20", "unknown context 'x'"),
        ("    if: matrix.a\n    steps: [{run: x}]\n", "5:9", "context 'matrix' is not available here"),
        ("    if: github.a && foo(1)\n    steps: [{run: x}]\n", "5:21", "unknown function 'foo'"),
        ("    if: |\n      github.a &&\n      foo(1)\n    steps: [{run: x}]\n", "7:1", "unknown function 'foo'"),
        ('    if: "a && 1"\n    steps: [{run: x}]\n', "5:10", "unknown context 'a'"),
        ("    steps: [{run: x, if: secrets.a}]\n", "5:26", "context 'secrets' is not available here"),
        ("    steps: [{run: '${{ github.a'}]\n", "5:20", "not closed"),
        ("    steps: [{run: '${{ }}'}]\n", "5:23", "an expression is empty"),
        ("    name: ${{ env.a }}\n    steps: [{run: x}]\n", "5:15", "context 'env' is not available here"),
        ("    steps: [{run: '${{ github.a }}${{ 1 2 }}'}]\n", "5:41", "unexpected '2'"),
    ],
)
def test_a_wrong_expression_of_a_file_is_refused_with_line_and_column(text: str, place: str, message: str) -> None:
    found = refusal(JOB + text)
    assert found.startswith(f"w.yml:{place}: ")
    assert message in found
