"""The policy of this repository: kept, tried on its examples, and in agreement with what checks imports beside it."""

from __future__ import annotations

import re
import tomllib

import yaml
from tests.support.json_schema import schema_errors
from tests.unit.repository import CHECKOUT, tracked_files

from optimus_ops.guardrails.examples import try_examples
from optimus_ops.guardrails.policy import SCHEMA, check_patterns, parse_policy
from optimus_ops.guardrails.rules.kinds import KINDS
from optimus_ops.guardrails.rules.layers import Layers

TEXT = (CHECKOUT / "policy.yaml").read_text("utf-8")
GUIDE = (CHECKOUT / "docs" / "guardrails.md").read_text("utf-8")
POLICY = parse_policy(TEXT)


def test_rules_do_what_their_examples_say() -> None:
    assert {check.found for check in try_examples(POLICY) if check.verdict != "ok"} == set()


def test_the_example_of_the_documentation_is_a_policy_that_does_what_it_says() -> None:
    example, waivers, _workflow = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert [check.verdict for check in try_examples(parse_policy(example))] == ["ok"]
    assert len(parse_policy(example + waivers).waivers) == 1


def test_the_documentation_has_each_kind_with_its_keys() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (`[^|]*`) \|", GUIDE, re.MULTILINE))
    assert {kind: tuple(re.findall(r"`([^`]+)`", keys)) for kind, keys in rows.items()} == {
        name: kind.keys for name, kind in KINDS.items()
    }


def test_each_pattern_of_this_repository_matches() -> None:
    check_patterns(POLICY, [str(path.relative_to(CHECKOUT)) for path in tracked_files()])


def test_the_policy_of_this_repository_is_valid_by_the_schema() -> None:
    assert schema_errors(SCHEMA, yaml.safe_load(TEXT)) == []


def test_layers_are_those_of_import_linter() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = next(contract for contract in settings["contracts"] if contract["id"] == "layers")["layers"]
    own = next(rule for rule in POLICY.rules if isinstance(rule, Layers))
    assert own.layers == tuple(tuple(layer.split(" | ")) for layer in layers)
