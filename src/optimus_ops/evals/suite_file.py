"""Suites: files of YAML or JSONL with the cases that a prompt or a model is judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.evals.assertions.catalogue import KINDS
from optimus_ops.evals.model import CORRECT, Case, Expectation, Message, Suite
from optimus_ops.evals.suite_lines import read_lines
from optimus_ops.project.yaml_nodes import Node, YamlError, parse_yaml
from optimus_ops.reports.place import Place

LINES = ".jsonl"
SUFFIXES = (".yaml", LINES)
HEAD_KEYS = frozenset({"summary", "blocking", "defaults"})
SUITE_KEYS = (*HEAD_KEYS, "cases")
SHARED_KEYS = ("prompt", "tenant", "locale", "cluster", "tags", "source", "variables", "assert")
CASE_KEYS = ("id", "reason", "ask", "messages", *SHARED_KEYS)
EXPECTATION_KEYS = (*KINDS, "metric", "invariant")
ROLES = ("system", "user", "assistant")
MOST_BLOCKING = 3
MOST_CASES = 20_000
MOST_BYTES = 100_000_000
SPLIT = "make several suites of it, and run them one after the other with --suite"


def suite_files(folder: Path, others: Collection[Path] = ()) -> dict[str, Path]:
    """Return the suites of a folder by their names; `others` are files that are none, such as recordings.

    Raises:
        Refused: two of them have the same name.
    """
    found: dict[str, Path] = {}
    besides = {each.resolve() for each in others}
    for path in (each for suffix in SUFFIXES for each in sorted(folder.glob(f"*{suffix}"))):
        if path.resolve() in besides:
            continue
        if path.stem in found:
            raise Refused(f"{path}: {found[path.stem].name} is the suite {path.stem!r} already")
        found[path.stem] = path
    return found


def read_suite(path: Path, root: Path) -> Suite:
    """Read a suite.

    Raises:
        Refused: it can't be read, or something in it is wrong: file, line and the nearest key that is known are told.
    """
    shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{shown}: more than {MOST_BYTES:,} bytes", SPLIT)
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{shown}: can't be read: {error}") from error
    return (parse_lines if path.suffix == LINES else parse_suite)(text, shown, path.stem)


def parse_suite(text: str, file: str, name: str) -> Suite:
    """Return the suite that YAML describes; `read_suite` says what is raised."""
    root = parse_yaml(text, file)
    if root.value is None:
        raise _empty(root)
    keys = root.known_items(SUITE_KEYS, "a suite")
    return _suite(root, keys, keys.get("cases", Node([], root.place)), text, name)


def parse_lines(text: str, file: str, name: str) -> Suite:
    """Return the suite that JSON lines describe; `read_suite` says what is raised."""
    # Not `splitlines`, which also splits at characters that JSON's texts may have.
    nodes = read_lines(text.split("\n"), file)
    first = next(nodes, Node({}, Place(file, 1, 1)))
    is_head = "id" not in first.value and bool(HEAD_KEYS & set(first.value))
    head = first.known_items(HEAD_KEYS, "what all cases share") if is_head else {}
    cases = nodes if is_head or not first.value else chain([first], nodes)
    return _suite(first, head, cases, text, name)


def _suite(root: Node, keys: Mapping[str, Node], nodes: Iterable[Node], text: str, name: str) -> Suite:
    defaults = keys["defaults"].known_items(SHARED_KEYS, "defaults") if "defaults" in keys else {}
    # Once: a schema takes a while to be checked.
    common = tuple(map(_expectation, defaults.get("assert", ())))
    cases = tuple(_case(node, defaults, common) for node in _bounded(nodes))
    if not cases:
        raise _empty(root)
    _check_ids(cases)
    blocking = tuple(node.text() for node in keys["blocking"]) if "blocking" in keys else (CORRECT,)
    _check_blocking(blocking, cases, keys.get("blocking", root))
    summary = keys["summary"].text() if "summary" in keys else ""
    return Suite(name, summary, cases, blocking, hashlib.sha256(text.encode()).hexdigest())


def _bounded(nodes: Iterable[Node]) -> Iterator[Node]:
    for number, node in enumerate(nodes):
        if number >= MOST_CASES:
            raise node.error(f"more than {MOST_CASES:,} cases in one suite", SPLIT)
        yield node


def _empty(root: Node) -> YamlError:
    return root.error("a suite needs at least one case", "cases: [{id: …, reason: …, ask: …, assert: […]}]")


def _case(node: Node, defaults: Mapping[str, Node], common: tuple[Expectation, ...]) -> Case:
    keys = node.known_items(CASE_KEYS, "a case")
    for needed in ("id", "reason"):
        if needed not in keys or not keys[needed].text().strip():
            raise node.error(f"a case needs the key {needed!r}")
    shared = {**defaults, **keys}
    expectations = (*common, *map(_expectation, keys.get("assert", ())))
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
        expectations,
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
