"""YAML as GitHub reads it."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.project.yaml_nodes import YamlError, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: push", {"on": "push"}),
        ("a: yes", {"a": "yes"}),
        ("a: off", {"a": "off"}),
        ("a: True", {"a": True}),
        ("a: 'true'", {"a": "true"}),
        ("a: 012", {"a": 12}),
        ("a: 0o14", {"a": 12}),
        ("a: 0x1F", {"a": 31}),
        ("a: 3.10", {"a": 3.1}),
        ("a: '3.10'", {"a": "3.10"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 12:30:45", {"a": "12:30:45"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("1: a", {"1": "a"}),
        ("", None),
    ],
)
def test_scalars_are_those_of_version_1_2(text: str, value: Any) -> None:
    assert parse_yaml(text, "f.yml").plain() == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "f.yml:2:1: 'a' is already defined"),
        ("a: [1\nb: 2", "f.yml:2:2: not YAML"),
        ("x: &x {a: 1}\ny:\n  <<: *x", "f.yml:3:3: merge keys"),
        ("a: &a [*a]", "an alias to a value that it is part of"),
        ("? [a]\n: 1", "a key must be a text"),
        ("a: b: c", "f.yml:1:5: not YAML"),
        ("a: \x01", "f.yml: not YAML"),
        ("- a\n" * 600_000, "more than 1,000,000 characters"),
    ],
)
def test_what_is_no_workflow_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(YamlError) as raised:
        parse_yaml(text, "f.yml")
    assert message in str(raised.value)


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="more than 100,000 values"):
        parse_yaml("\n".join(lines), "f.yml")


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text("abc:#'\" -?{}[]&*!|>%@`\n0123456789.~", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abn0:~ ", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_what_was_written_as_yaml_is_read_again(tree: Any) -> None:
    assert parse_yaml(yaml.safe_dump(tree), "f.yml").plain() == tree


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(YamlError):
        parse_yaml(text, "f.yml").plain()
