"""The policy of this repository: kept, tried on its examples, and in agreement with what checks imports beside it."""

from __future__ import annotations

import json
import tomllib

import jsonschema  # type: ignore[import-untyped]  # published without types
import yaml
from tests.unit.repository import CHECKOUT, tracked_files

from optimus_ops.guardrails.examples import try_examples
from optimus_ops.guardrails.policy import SCHEMA, check_patterns, parse_policy
from optimus_ops.guardrails.rules.layers import Layers

TEXT = (CHECKOUT / "policy.yaml").read_text("utf-8")
POLICY = parse_policy(TEXT)


def test_rules_do_what_their_examples_say() -> None:
    assert {check.found for check in try_examples(POLICY) if check.verdict != "ok"} == set()


def test_each_pattern_of_this_repository_matches() -> None:
    check_patterns(POLICY, [str(path.relative_to(CHECKOUT)) for path in tracked_files()])


def test_the_policy_of_this_repository_is_valid_by_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(TEXT))] == []


def test_layers_are_those_of_import_linter() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = next(contract for contract in settings["contracts"] if contract["id"] == "layers")["layers"]
    own = next(rule for rule in POLICY.rules if isinstance(rule, Layers))
    assert own.layers == tuple(tuple(layer.split(" | ")) for layer in layers)
