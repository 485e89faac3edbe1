"""Waivers in the code: `# guardrails: allow RULE until 2027-01-31: reason`, behind the line or above it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from optimus_ops.guardrails.model import WAIVER, Match, Violation
from optimus_ops.guardrails.python_source import source_lines
from optimus_ops.reports.place import Place

MARK = "guardrails:"
FORM = re.compile(
    r"#\s*guardrails:\s*allow\s+(?P<rule>[a-z0-9-]+)\s+until\s+(?P<date>\d{4}-\d\d-\d\d)\s*:\s*(?P<reason>\S.*)"
)
ANY = re.compile(r"#\s*guardrails:")
IN_YAML = re.compile(r"(?:(?<=\s)|^)#\s*guardrails:.*")
HINT = "# guardrails: allow RULE until 2027-01-31: reason"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A comment that allows what a rule forbids; without a rule it is malformed, and says so in `reason`.

    `covered` is the line that it is about: its own, or the next one of code; `code` is what that line says beside it.
    """

    rule: str
    until: str
    reason: str
    line: int
    column: int
    covered: int
    code: str = ""

    def covers(self, violation: Violation) -> bool:
        """Tell whether it stands at a violation."""
        return violation.rule == self.rule and violation.match.place.line == self.covered

    def expired(self, today: date) -> bool:
        """Tell whether its last day is over."""
        return date.fromisoformat(self.until) < today


def waivers_of(text: str) -> tuple[Waiver, ...]:
    """Return the waivers of a Python file; comments alone are looked at."""
    return tuple(_waivers(text)) if MARK in text else ()


def waivers_of_yaml(text: str) -> tuple[Waiver, ...]:
    """Return the waivers of a YAML file; a comment of a shell in it is one as well."""
    if MARK not in text:
        return ()
    lines = source_lines(text)
    comments = ((number, IN_YAML.search(line)) for number, line in enumerate(lines, 1))
    return tuple(_waiver(lines, number, found.start(), found[0]) for number, found in comments if found)


def _waivers(text: str) -> Iterator[Waiver]:
    lines = source_lines(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and ANY.match(token.string):
            yield _waiver(lines, *token.start, token.string)


def _waiver(lines: Sequence[str], line: int, offset: int, comment: str) -> Waiver:
    covered = line if lines[line - 1][:offset].strip() else _next_line_of_code(lines, line)
    code = " ".join(lines[covered - 1].replace(comment, "").split())
    found = FORM.fullmatch(comment.rstrip())
    if found and _is_date(found["date"]):
        return Waiver(found["rule"], found["date"], found["reason"].strip(), line, offset + 1, covered, code)
    return Waiver("", "", "a waiver needs a rule, an expiry date and a reason", line, offset + 1, covered, code)


def _next_line_of_code(lines: Sequence[str], line: int) -> int:
    """Return the number of the next line below one that is neither empty nor a comment alone."""
    below = enumerate(lines[line:], line + 1)
    return next((number for number, text in below if text.strip() and not text.lstrip().startswith("#")), line)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def complaint(path: str, waiver: Waiver, told: str, hint: str = HINT) -> Violation:
    """Return what is wrong with a waiver."""
    match = Match(Place(path, waiver.line, waiver.column), 0, f"{waiver.rule} {told}")
    return Violation(WAIVER, "error", told, match, hint)
