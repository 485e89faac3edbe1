"""Suites: what they may say, and where they are wrong."""

from __future__ import annotations

import pytest

from optimus_ops.errors import Refused
from optimus_ops.evals.model import Message
from optimus_ops.evals.suite_file import parse_suite

CASE = """
cases:
  - id: one
    reason: because
    ask: Where is it?
    assert:
      - contains: here
"""


def parsed(text: str):  # type: ignore[no-untyped-def]  # Suite
    return parse_suite(text, "evals/suites/test.yaml", "test")


def test_a_case_has_what_the_suite_has_for_all_and_what_it_says_itself() -> None:
    suite = parsed(
        """
summary: Orders.
defaults:
  prompt: answer
  tenant: acme
  tags: [orders]
  variables: {company: Acme, facts: none}
  assert:
    - not-contains: SECRET
      invariant: true
cases:
  - id: one
    reason: because
    cluster: conversation-1
    locale: en
    variables: {facts: some}
    messages:
      - user: Hello
      - assistant: Hi
      - user: Where is it?
    assert:
      - regex: "^Here"
        metric: style
      - number: {value: 12.5, within: 0.1}
blocking: [correct, style]
"""
    )
    (case,) = suite.cases

    assert (suite.name, suite.summary, suite.blocking) == ("test", "Orders.", ("correct", "style"))
    assert case.messages == (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Where is it?"))
    assert dict(case.variables) == {"company": "Acme", "facts": "some"}
    assert (case.prompt, case.tenant, case.locale, case.cluster, case.tags) == (
        "answer", "acme", "en", "conversation-1", ("orders",)
    )  # fmt: skip
    assert [(str(each.assertion), each.metric, each.invariant) for each in case.expectations] == [
        ("has nothing of 'SECRET'", "correct", True),
        ("matches '^Here'", "style", False),
        ("has the number 12.5 ± 0.1", "correct", False),
    ]


def test_the_digest_is_the_file_s() -> None:
    assert parsed(CASE).digest == parsed(CASE).digest != parsed(CASE + "\n# more\n").digest


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CASE.replace("reason:", "reasn:"), r"test.yaml:4:5: a case has no key 'reasn'.*"),
        (CASE.replace("contains", "contain"), r"test.yaml:7:9: an assertion has no key 'contain'"),
        (CASE + "colour: red\n", r"test.yaml:8:1: a suite has no key 'colour'"),
        (CASE + CASE.partition("cases:\n")[2], r"test.yaml:8:5: the id 'one' is already that of the case in line 3"),
        (CASE.replace("    reason: because\n", ""), "needs the key 'reason'"),
        (CASE.replace("because", '""'), "needs the key 'reason'"),
        (CASE.partition("    assert")[0], "case 'one' asserts nothing"),
        (CASE + "        regex: x\n", "an assertion has one kind"),
        (CASE + "        invariant: yes\n", "true or false is expected"),
        (CASE.replace("contains: here", 'regex: "["'), "not a regular expression"),
        (CASE.replace("contains: here", "contains: []"), "at least one text"),
        (CASE.replace("contains: here", "json-schema: {type: nothing}"), "not a JSON Schema"),
        (CASE.replace("contains: here", "number: many"), "a number is expected"),
        (CASE.replace("contains: here", "number: {within: 1}"), "needs the key 'value'"),
        (CASE.replace("    ask: Where is it?\n", ""), "either 'ask'"),
        (CASE.replace("ask: Where is it?", "messages: [{user: a}, {assistant: b}]"), "the last message is the user's"),
        (CASE.replace("ask: Where is it?", "messages: [{robot: a}]"), "a message is one of"),
        ("summary: none\n", "at least one case"),
        ("", "mapping is expected|at least one case"),
        (CASE + "blocking: [style]\n", "no case asserts the metric 'style'"),
        (CASE + "blocking: [a, b, c, d]\n", "at most 3 metrics"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        parsed(text)


def test_the_nearest_key_is_told() -> None:
    with pytest.raises(Refused) as refused:
        parsed(CASE.replace("reason:", "reasn:"))

    assert refused.value.hint == "did you mean 'reason'?"
