"""Mistakes in a policy are told with their place; the published schema describes what is read."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.support.json_schema import schema_errors
from tests.unit.guardrails.conftest import POLICY, Checkout

from optimus_ops.errors import Refused
from optimus_ops.guardrails.policy import KEYS, RULE_KEYS, SCHEMA, check_patterns, parse_policy
from optimus_ops.guardrails.rules.kinds import KINDS

RULE = (
    "version: 1\nsources: src\nrules:\n"
    "  - id: a\n    kind: calls\n    message: m\n    why: w\n    mend: m\n    files: [x.py]\n"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources: src", "policy.yaml:1:1: a policy needs the key 'version'"),
        ("- 1", "policy.yaml:1:1: a mapping is expected here"),
        ("version: 2\nsources: src\nrules: []", "policy.yaml:1:10: version 1 is expected, not '2'"),
        (
            "version: 1\nsources: src\nruels: []",
            "policy.yaml:3:1: a policy has no key 'ruels'\n  did you mean 'rules'?",
        ),
        ("version: 1\nsources: ../src\nrules: []", "policy.yaml:2:10: ../src: a path inside of the repository"),
        ("version: [", "policy.yaml:2:1: not YAML"),
        (RULE, "policy.yaml:4:5: a rule of this kind needs the key 'calls'"),
        (f"{RULE}    calls: []", "policy.yaml:10:12: at least one is expected here"),
        (f"{RULE}    cals: x", "policy.yaml:10:5: a rule of kind calls has no key 'cals'\n  did you mean 'calls'?"),
        (f"{RULE}    calls: x\n    inside: thread", "policy.yaml:11:13: no place 'thread'"),
        (f"{RULE}    calls: x\n    position: 0\n    without: y", "policy.yaml:11:15: a whole number from 1"),
        (f"{RULE}    calls: x\n    severity: fatal", "policy.yaml:11:15: no severity 'fatal'"),
        (f"{RULE}    calls: x\n    bad: [{{}}]", "policy.yaml:11:10: an example is one or more files"),
        (f"{RULE}    calls: x\n  - 7", "policy.yaml:11:5: a mapping is expected here"),
        (RULE.replace("kind: calls", "kind: cals"), "policy.yaml:5:11: no kind of rules 'cals'"),
        (RULE.replace("id: a", "id: A b"), "policy.yaml:4:9: 'A b' is no id of a rule"),
        (RULE.replace("why: w", "why: ''"), "policy.yaml:7:10: a text is expected here"),
        (f"{RULE}    calls: x\n{RULE[RULE.index('  - ') :]}    calls: y", "two rules have the id 'a'"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_policy(text)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("kind: layers\n    container: a\n    layers: [x, y | x]", "6:17: x is in two layers: a cycle"),
        (
            "kind: layers\n    container: a\n    layers: [x-y]",
            "6:14: 'x-y' is no name of a package\n  packages of one layer: ci | release",
        ),
        ("kind: layers\n    container: a\n    layers: [x | x]", "6:14: x is in two layers: a cycle"),
        ("kind: layers\n    container: a\n    layers: []", "6:13: at least one is expected here"),
        ("kind: layers\n    container: a", "4:5: a rule of this kind needs the key 'layers'"),
        ("kind: layers\n    layers: [x]", "4:5: a rule of this kind needs the key 'container'"),
        ("kind: forbidden-imports\n    from: a/b.py\n    to: b", "5:11: 'a/b.py' is no module"),
        ("kind: independence\n    modules: [a]", "5:14: at least two modules"),
        ("kind: texts\n    files: x\n    pattern: '('", "6:14: no regular expression"),
        ("kind: pattern\n    files: x\n    rule: {patern: x}", "6:11: no rule of ast-grep: unknown field `patern`"),
        ("kind: pattern\n    files: x\n    rule: {kind: nonsense}", "6:11: no rule of ast-grep: cannot get matcher"),
        ("kind: together\n    files: x", "4:5: a rule of this kind needs the key 'also'"),
        ("kind: together\n    also: x", "4:5: a rule of this kind needs the key 'files'"),
        ("kind: size\n    files: x", "4:5: a limit is expected"),
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_place(rule: str, told: str) -> None:
    text = f"version: 1\nsources: src\nrules:\n  - {rule}\n    id: a\n    message: m\n    why: w\n    mend: m\n"
    with pytest.raises(Refused) as refused:
        check_patterns(parse_policy(text), ["src/x.py"])
    assert str(refused.value).startswith(f"policy.yaml:{told}")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("src/**/*.py", "lib/**/*.py", "policy.yaml:24:13: lib/**/*.py: no file matches it"),
        ("from: shop.store", "from: shop.stores", "no-sockets-in-store: there is no module shop.stores"),
        ("[web, store]", "[web, stores]", "layers: there is no module shop.stores"),
        ("sources: [src]", "sources: [src, lib]", "lib: no file is below it"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(old: str, new: str, told: str) -> None:
    paths = ["src/shop/web.py", "src/shop/store.py"]
    check_patterns(parse_policy(POLICY), paths)
    with pytest.raises(Refused) as refused:
        check_patterns(parse_policy(POLICY.replace(old, new)), paths)
    assert told in str(refused.value)


def test_a_repository_without_a_policy_is_told(checkout: Checkout) -> None:
    (checkout.root / "policy.yaml").unlink()
    assert checkout.check().code == 2


def test_the_schema_has_the_kinds_and_keys_that_are_read() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    rules = schema["properties"]["rules"]["items"]["oneOf"]
    assert set(schema["properties"]) == set(KEYS)
    assert {rule["title"]: set(rule["properties"]) for rule in rules} == {
        name: {*RULE_KEYS, *kind.keys} for name, kind in KINDS.items()
    }


def test_the_schema_takes_a_policy_and_refuses_a_wrong_one() -> None:
    document = yaml.safe_load(POLICY)
    assert not schema_errors(SCHEMA, document)
    document["rules"][0]["layer"] = []
    assert schema_errors(SCHEMA, document)
