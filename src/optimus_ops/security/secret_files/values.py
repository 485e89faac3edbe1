"""What values are worth: weak, shared between keys, placeholders, too old, for tests; said by key, never by value."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from optimus_ops.reports.place import Place
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.validate import check_ages
from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.plausibility import entropy
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule
from optimus_ops.security.secret_files.source import SecretFile, SecretSource

PLACEHOLDER = Rule(
    "values",
    "placeholder",
    "high",
    "a value that was never filled in: changeme, xxx, your-…, example",
    "invoke secrets.set KEY",
)
WEAK = Rule(
    *("values", "weak", "high", "a value that can be guessed: shorter than 16 characters, or of few different ones"),
    "empty it, then let it be made: invoke secrets.init",
)
SHORT_GENERATED = Rule(
    *("values", "not-generated", "medium", "a value, shorter than what the platform would have made for the key"),
    "empty it, then let it be made: invoke secrets.init",
)
SHARED = Rule(
    "values",
    "shared",
    "high",
    "a value that several keys have, so that one leak opens all of them",
    "give each its own",
)
REUSED = Rule(
    *("values", "reused", "high", "a value of production that another environment has as well"),
    "give each environment its own: invoke secrets.set KEY --environment NAME",
)
EXPIRED = Rule("values", "expired", "medium", "a value older than its @max-age", "invoke secrets.set KEY")
TEST_KEY = Rule(
    "values",
    "test-key",
    "high",
    "a provider's key for tests where production reads it",
    "invoke secrets.set KEY with a live key",
)
RETIRED = Rule(
    *("values", "retired", "high", "a value that was rotated away and has come back: targets refuse it, or should"),
    "invoke secrets.rotate KEY, or secrets.set",
)
UNREADABLE = Rule(
    "values",
    "unreadable",
    "high",
    "a file of secrets that can't be read as one, so that not all can be looked for",
    "invoke secrets.validate",
)
RULES = (PLACEHOLDER, WEAK, SHORT_GENERATED, SHARED, REUSED, EXPIRED, TEST_KEY, RETIRED, UNREADABLE)

LEAST_LENGTH = 16
LEAST_BITS = 64.0
"""Bits of what a value could be, going by its characters; what fails can be tried out offline."""
WORDS = re.compile(
    r"change[-_ ]?(?:me|it|this).*|x{3,}|\*{3,}|\.{3}|your[-_ ].*|.*[-_]here|example.*|dummy.*|sample.*|placeholder.*"
    r"|to-?do|tbd|none|null|secret|password|passw0rd|admin|root|test(?:ing)?|demo.*|default|foo|bar|foobar|insert.*"
    r"|<.*>|\$\{.*\}|1234567?8?9?0?",
    re.IGNORECASE,
)
PREFIX = re.compile(r"(?:sk|pk|key|token|ghp|hf|gsk)[-_](?:proj-|ant-)?")
FOR_TESTS = re.compile(r"(?:[srp]k_test_|sandbox[-_]|test[-_]).+", re.IGNORECASE)


def check_file_values(source: SecretSource) -> Outcome:
    """Judge the values of all files."""
    findings = [finding for file in source.files for finding in _file(file, source.entries)]
    findings += _reused(source)
    findings += _retired(source)
    count = sum(1 for file in source.files for value in file.values.values() if value)
    return Outcome(f"{count} values of {len(source.files)} files", tuple(findings))


def _file(file: SecretFile, entries: Mapping[str, Entry]) -> Iterator[ScanFinding]:
    if file.problem:
        yield UNREADABLE.finding(file.problem, Place(file.path.name))
    for key, value in file.values.items():
        if value:
            yield from _value(file, key, value.reveal(), entries.get(key))
    yield from _shared(file, entries)
    if file.document is None:
        return
    for found in check_ages(entries, file.document, file.ages, time.time()):
        yield EXPIRED.finding(f"{found.subject} {found.problem}", _place(file, found.subject), identity=found.subject)


def _value(file: SecretFile, key: str, text: str, entry: Entry | None) -> Iterator[ScanFinding]:
    kind = entry.type if entry else "text"
    parts = [part.strip() for part in re.split(r"[,\n]", text)] if kind == "keys" else [text]
    place = _place(file, key)
    if any(WORDS.fullmatch(part) or WORDS.fullmatch(PREFIX.sub("", part, count=1)) for part in parts):
        yield PLACEHOLDER.finding(f"{key} is a placeholder", place, identity=key)
    elif any(FOR_TESTS.fullmatch(part) for part in parts) and file.environment in {"", "production"}:
        yield TEST_KEY.finding(f"{key} is a key for tests", place, identity=key)
    elif kind in {"text", "key", "keys"} and any(_weak(part) for part in parts):
        yield WEAK.finding(f"{key} can be guessed ({_least(parts)} characters)", place, identity=key)
    elif entry and entry.generator and len(text) < _generated_length(entry):
        message = f"{key} has {len(text)} characters, and one that is made {_generated_length(entry)}"
        yield SHORT_GENERATED.finding(message, place, identity=key)


def _least(parts: list[str]) -> int:
    return min(map(len, parts))


def _weak(part: str) -> bool:
    return len(part) < LEAST_LENGTH or entropy(part.encode()) * len(part) < LEAST_BITS or _counts(part)


def _counts(part: str) -> bool:
    """Tell whether a value counts up, or repeats a short part of itself."""
    steps = {ord(second) - ord(first) for first, second in pairwise(part)}
    sizes = (size for size in range(1, len(part) // 2 + 1) if len(part) % size == 0)
    return len(steps) <= 2 or any(part == part[:size] * (len(part) // size) for size in sizes)


def _generated_length(entry: Entry) -> int:
    assert entry.generator is not None  # noqa: S101 - asked for entries that have one
    size = entry.generator.size
    return size * 2 if entry.generator.kind == "hex" else math.ceil(size * 4 / 3)


def _shared(file: SecretFile, entries: Mapping[str, Entry]) -> Iterator[ScanFinding]:
    keys: dict[Secret, list[str]] = defaultdict(list)
    for key, value in file.values.items():
        if value and (key not in entries or entries[key].type not in {"url", "json"}):
            keys[value].append(key)
    for names in keys.values():
        if len(names) > 1:
            yield SHARED.finding(f"{', '.join(names)} have the same value", _place(file, names[0]), identity=names[0])


def _retired(source: SecretSource) -> Iterator[ScanFinding]:
    for file in source.files:
        for key in source.retired.found_in(file.values):
            yield RETIRED.finding(f"{key} was rotated away", _place(file, key), identity=key)


def _reused(source: SecretSource) -> Iterator[ScanFinding]:
    """Give what other environments share with the shared file, or with that of production."""
    files = sorted(source.files, key=lambda file: file.environment not in {"", "production"})
    for other in files[1:]:
        for key, value in other.values.items():
            if value and len(value.reveal()) >= LEAST_LENGTH and files[0].values.get(key) == value:
                message = f"{key} is the same in {files[0].path.name} and {other.path.name}"
                yield REUSED.finding(message, _place(other, key), identity=key)


def _place(file: SecretFile, key: str) -> Place:
    return Place(file.path.name, file.document.line_numbers.get(key, 0) if file.document else 0)
