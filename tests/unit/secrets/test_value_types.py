"""Types of values."""

from __future__ import annotations

import pytest

from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import MEANING, TYPES, ValueType, type_problem

PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "anything at all, é\nand more"),
        ("key", "sk-local.any+form/1="),
        ("key", "user of it: and a password"),
        ("keys", "one"),
        ("keys", "one, two,three"),
        ("keys", "one,two,one"),
        ("keys", "one\ntwo"),
        ("url", "smtps://user:pass%20word@mail.example:465"),
        ("url", "https://hooks.example/T0/B0"),
        ("json", '{"type": "service_account"}'),
        ("pem", PEM),
        ("pem", f"{PEM}\n"),
    ],
)
def test_values_of_a_type(kind: ValueType, value: str) -> None:
    assert type_problem(kind, Secret(value)) is None


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("key", "canary\tkey", "it has a character that no header holds"),
        ("key", "canaryé", "it has a character that no header holds"),
        ("keys", "canary,,b", "its key 2 of 3 is empty"),
        ("keys", "a,canary\tb", "its key 2 of 2 has a character that no header holds"),
        ("url", "canary", "it is no URL with a scheme and a host"),
        ("url", "https://canary:port/", "it is no URL with a scheme and a host"),
        ("url", "http://[canary/", "it is no URL with a scheme and a host"),
        ("json", "canary", "it is not valid JSON"),
        ("json", '["canary"]', "it is no JSON object"),
        ("pem", PEM.replace("END", "canary"), "it is no PEM block (-----BEGIN …----- to -----END …-----)"),
        ("pem", PEM.replace("\n", " "), "it is no PEM block (-----BEGIN …----- to -----END …-----)"),
    ],
)
def test_what_a_type_does_not_take_is_told_without_the_value(kind: ValueType, value: str, problem: str) -> None:
    assert type_problem(kind, Secret(value)) == problem


def test_every_type_has_a_meaning() -> None:
    assert tuple(MEANING) == TYPES
