"""Suites: files of YAML with the cases that a prompt or a model is judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.evals.assertions.catalogue import KINDS
from optimus_ops.evals.model import CORRECT, Case, Expectation, Message, Suite
from optimus_ops.project.yaml_nodes import Node, parse_yaml

SUITE_KEYS = ("summary", "blocking", "defaults", "cases")
SHARED_KEYS = ("prompt", "tenant", "locale", "cluster", "tags", "source", "variables", "assert")
CASE_KEYS = ("id", "reason", "ask", "messages", *SHARED_KEYS)
EXPECTATION_KEYS = (*KINDS, "metric", "invariant")
ROLES = ("system", "user", "assistant")
MOST_BLOCKING = 3


def read_suite(path: Path, root: Path) -> Suite:
    """Read a suite.

    Raises:
        Refused: it can't be read, or something in it is wrong: file, line and the nearest key that is known are told.
    """
    shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{shown}: can't be read: {error}") from error
    return parse_suite(text, shown, path.stem)


def parse_suite(text: str, file: str, name: str) -> Suite:
    """Return the suite that a text describes; `read_suite` says what is raised."""
    root = parse_yaml(text, file)
    keys = root.known_items(SUITE_KEYS, "a suite")
    defaults = keys["defaults"].known_items(SHARED_KEYS, "defaults") if "defaults" in keys else {}
    cases = tuple(_case(node, defaults) for node in keys.get("cases", Node([], root.place)))
    if not cases:
        raise root.error("a suite needs at least one case", "cases: [{id: …, reason: …, ask: …, assert: […]}]")
    _check_ids(cases)
    blocking = tuple(node.text() for node in keys["blocking"]) if "blocking" in keys else (CORRECT,)
    _check_blocking(blocking, cases, keys.get("blocking", root))
    summary = keys["summary"].text() if "summary" in keys else ""
    return Suite(name, summary, cases, blocking, hashlib.sha256(text.encode()).hexdigest())


def _case(node: Node, defaults: Mapping[str, Node]) -> Case:
    keys = node.known_items(CASE_KEYS, "a case")
    for needed in ("id", "reason"):
        if needed not in keys or not keys[needed].text().strip():
            raise node.error(f"a case needs the key {needed!r}")
    shared = {**defaults, **keys}
    expectations = [
        _expectation(item) for side in (defaults, keys) if "assert" in side for item in side["assert"]
    ]  # fmt: skip
    if not expectations:
        raise node.error(f"case {keys['id'].text()!r} asserts nothing", f"assert: [{{{next(iter(KINDS))}: …}}]")
    variables = {
        name: value.text()
        for side in (defaults, keys)
        if "variables" in side
        for name, value in side["variables"].items()
    }

    def text(key: str) -> str:
        return shared[key].text() if key in shared else ""

    return Case(
        keys["id"].text(),
        node.place,
        keys["reason"].text(),
        _messages(node, keys),
        tuple(expectations),
        text("prompt"),
        variables,
        text("tenant"),
        text("locale"),
        text("cluster"),
        tuple(tag.text() for tag in shared["tags"]) if "tags" in shared else (),
        text("source") or "written",
    )


def _messages(node: Node, keys: Mapping[str, Node]) -> tuple[Message, ...]:
    if ("ask" in keys) == ("messages" in keys):
        raise node.error("a case has either 'ask', the user's one message, or 'messages'")
    if "ask" in keys:
        return (Message("user", keys["ask"].text()),)
    messages = []
    for item in keys["messages"]:
        entries = list(item.items())
        if len(entries) != 1 or entries[0][0] not in ROLES:
            raise item.error("a message is one of " + ", ".join(f"{role}: TEXT" for role in ROLES))
        messages.append(Message(entries[0][0], entries[0][1].text()))
    if not messages or messages[-1].role != "user":
        raise keys["messages"].error("the last message is the user's")
    return tuple(messages)


def _expectation(node: Node) -> Expectation:
    keys = node.known_items(EXPECTATION_KEYS, "an assertion")
    kinds = [key for key in keys if key in KINDS]
    if len(kinds) != 1:
        raise node.error("an assertion has one kind: " + ", ".join(KINDS))
    invariant = keys["invariant"].value if "invariant" in keys else False
    if not isinstance(invariant, bool):
        raise keys["invariant"].error("true or false is expected here")
    metric = keys["metric"].text() if "metric" in keys else CORRECT
    return Expectation(KINDS[kinds[0]](keys[kinds[0]]), metric, invariant)


def _check_ids(cases: tuple[Case, ...]) -> None:
    seen: dict[str, Case] = {}
    for case in cases:
        if case.id in seen:
            first = seen[case.id].place.line
            raise Refused(f"{case.place}: the id {case.id!r} is already that of the case in line {first}")
        seen[case.id] = case


def _check_blocking(blocking: tuple[str, ...], cases: tuple[Case, ...], node: Node) -> None:
    known = {expectation.metric for case in cases for expectation in case.expectations if not expectation.invariant}
    if len(blocking) > MOST_BLOCKING:
        raise node.error(f"at most {MOST_BLOCKING} metrics block: each more makes the others weaker")
    for metric in blocking:
        if metric not in known and known:
            raise node.error(f"no case asserts the metric {metric!r}", f"there are {', '.join(sorted(known))}")
