"""Combinations of a matrix, by GitHub's rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.ci.matrix import combinations, read_matrix
from optimus_ops.ci.model import Matrix
from optimus_ops.project.yaml_nodes import YamlError, parse_yaml


def strategy(text: str) -> Matrix:
    return read_matrix(parse_yaml(text, "f.yml"))


def test_the_example_of_githubs_documentation() -> None:
    found = combinations(
        {"fruit": ("apple", "pear"), "animal": ("cat", "dog")},
        include=(
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ),
    )
    assert found == (
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("matrix: {a: [1, 2], b: [x]}", ({"a": 1, "b": "x"}, {"a": 2, "b": "x"})),
        ("matrix: {include: [{a: 1}, {a: 2, b: 3}]}", ({"a": 1}, {"a": 2, "b": 3})),
        ("matrix: {a: [1, 2], exclude: [{a: 1}]}", ({"a": 2},)),
        (
            "matrix: {a: [1, 2], b: [1, 2], exclude: [{a: 1, b: 2}]}",
            ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 2}),
        ),
        ("matrix: {a: [1], exclude: [{a: 1}], include: [{a: 1, b: 2}]}", ({"a": 1, "b": 2},)),
        ("matrix: {a: [{x: 1, y: 2}], exclude: [{a: {x: 2}}]}", ({"a": {"x": 1, "y": 2}},)),
        ("matrix: {a: [1, 2], exclude: [{c: 1}]}", ({"a": 1}, {"a": 2})),
        ("fail-fast: false", ({},)),
    ],
)
def test_combinations_of_a_file(text: str, found: Any) -> None:
    assert strategy(text) == Matrix(found)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}", "${{ fromJSON(needs.plan.outputs.matrix) }}"),
        ("matrix: {a: '${{ fromJSON(needs.plan.outputs.a) }}'}", "a: ${{ fromJSON(needs.plan.outputs.a) }}"),
        ("matrix: {a: [1], include: '${{ fromJSON(inputs.more) }}'}", "include: ${{ fromJSON(inputs.more) }}"),
        ("${{ fromJSON(inputs.strategy) }}", "${{ fromJSON(inputs.strategy) }}"),
    ],
)
def test_a_matrix_that_is_known_later(text: str, expression: str) -> None:
    assert strategy(text) == Matrix((), expression)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("matrix: {a: []}", "f.yml:1:13: the matrix has no value for 'a'"),
        ("matrix: {a: 1}", "f.yml:1:13: a list is expected here"),
        ("matrix: {a: [1], exclude: [{a: 1}]}", "the matrix has no combination"),
        ("matrix: {a: [1], include: [2]}", "each item of `include` is a mapping"),
        (f"matrix: {{a: {list(range(20))}, b: {list(range(20))}}}", "400 combinations, GitHub runs 256 at most"),
        ("matrix: {}", "the matrix has no combination"),
    ],
)
def test_a_matrix_that_github_refuses(text: str, message: str) -> None:
    with pytest.raises(YamlError) as raised:
        strategy(text)
    assert message in str(raised.value)


AXES = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True), max_size=3
)
RULES = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3), min_size=1, max_size=3), max_size=4)


@given(AXES, RULES, RULES)
def test_include_changes_no_value_of_an_axis_and_exclude_leaves_none_that_matches(
    axes: Any, include: Any, exclude: Any
) -> None:
    fixed = {name: tuple(values) for name, values in axes.items()}
    plain = combinations(fixed, (), tuple(exclude))
    found = combinations(fixed, tuple(include), tuple(exclude))
    for original, extended in zip(plain, found, strict=False):
        assert original.items() <= extended.items()
        assert not any(rule.items() <= original.items() for rule in exclude)
    assert all(any(rule.items() <= one.items() for rule in include) for one in found[len(plain) :])
