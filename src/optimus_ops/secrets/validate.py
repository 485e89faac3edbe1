"""What is wrong with the operator's secrets, said by name and never by value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.secrets.ages import Ages
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry, in_environment
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import MEANING, type_problem
from optimus_ops.system.masking import SHORTEST

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a key or the file.

    Args:
        line: the key's, counted from 1; None where it has none.
        rule: what kind of thing, for programs.
    """

    subject: str
    problem: str
    hint: str
    severity: Literal["error", "warning"] = "error"
    line: int | None = None
    rule: str = ""

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line else ""
        return f"{self.subject}{place} {self.problem}: {self.hint}"


def check_document(
    entries: Mapping[str, Entry], document: Document, environment: str, example: str
) -> tuple[Finding, ...]:
    """Return what is wrong with a file's keys and values in an environment ("" for none in particular), with lines.

    Only missing and malformed values keep the platform from starting (`check_values`); a key that nobody knows is an
    error all the same, since it is most often a name that was mistyped.
    """
    used = in_environment(entries, environment)
    values = document.values
    findings = [
        *check_values(used, values),
        *(_unknown(key, entries, example) for key in values if key not in entries),
        *(
            _elsewhere(entries[key], environment)
            for key in values
            if values[key] and key in entries and key not in used
        ),
    ]
    lines = document.line_numbers
    return tuple(replace(finding, line=lines.get(finding.subject)) for finding in findings)


def check_values(entries: Mapping[str, Entry], values: Mapping[str, Secret]) -> tuple[Finding, ...]:
    """Return what is missing or malformed."""
    return tuple(found for key, entry in entries.items() if (found := _check_value(key, entry, values.get(key))))


def _check_value(key: str, entry: Entry, value: Secret | None) -> Finding | None:
    if not value:
        if entry.generator:
            return Finding(key, "is missing", "`invoke secrets.init` makes it", rule="missing")
        if entry.required:
            return Finding(key, "is missing", f"set {key} in .env.secrets", rule="missing")
        return None
    if problem := type_problem(entry.type, value):
        return Finding(key, "is malformed", f"{problem}; wanted: {MEANING[entry.type]}", rule="malformed")
    if entry.pattern and not entry.pattern.fullmatch(value.reveal()):
        return Finding(key, "is malformed", f"it must match {entry.pattern.pattern}", rule="malformed")
    if entry.readers and value.reveal() != value.reveal().strip():
        problem = "begins or ends with white space"
        return Finding(key, problem, "services read it without: delete it", "warning", rule="white-space")
    return None


def check_ages(entries: Mapping[str, Entry], document: Document, ages: Ages, now: float) -> tuple[Finding, ...]:
    """Return which values are older than they may be; `now` is in seconds since the epoch."""
    lines = document.line_numbers
    return tuple(
        Finding(
            key,
            f"is {age.days(now):.0f} days old, and {most} is the most",
            f"give it a new value: invoke secrets.{'rotate' if entries[key].rotator else 'set'} {key}",
            "warning",
            lines.get(key),
            "expired",
        )
        for key, age in ages.items()
        if key in entries and (most := entries[key].max_age) is not None and age.days(now) > most
    )


def check_masking(document: Document, unmasked: Iterable[str]) -> tuple[Finding, ...]:
    """Return which values output would show, because they are too short to be told from other text."""
    problem, hint = f"has fewer than {SHORTEST} characters: output isn't masked for it", "take a longer one"
    lines = document.line_numbers
    return tuple(Finding(key, problem, hint, "warning", lines.get(key), "unmasked") for key in unmasked)


def _unknown(key: str, entries: Mapping[str, Entry], example: str) -> Finding:
    close = difflib.get_close_matches(key, entries, n=1)
    hint = f"did you mean {close[0]}?" if close else f"add it to {example} with its consumers, or delete it"
    return Finding(key, f"is not in {example}, so no service gets it", hint, rule="unknown")


def _elsewhere(entry: Entry, environment: str) -> Finding:
    hint = f"it is for {', '.join(entry.environments)}: delete it here"
    return Finding(entry.key, f"is not used in {environment}", hint, "warning", rule="elsewhere")


def check_file(name: str, stored: StoredFile | None, *, tracked: bool, user: int) -> tuple[Finding, ...]:
    """Return what is wrong with the operator's file itself; `user` is the id of who asks."""
    if stored is None:
        return (Finding(name, "is not there yet", "`invoke secrets.init` makes it", rule="missing-file"),)
    findings = []
    if excess := stored.mode & ~PRIVATE:
        problem = f"is open to others (mode {stored.mode:04o}, {excess:03o} too much)"
        findings.append(Finding(name, problem, f"chmod 600 {name}", rule="open-to-others"))
    # Root looks after files of others, and keeps them theirs.
    if user not in {0, stored.owner}:
        problem = f"belongs to user {stored.owner}, who can read and change it"
        findings.append(Finding(name, problem, f"chown it: {name}", rule="owner"))
    if stored.names > 1:
        problem = f"has {stored.names} names (hard links): a copy shows the same secrets, and keeps the old ones"
        hint = f"find the others: find / -samefile {name}"
        findings.append(Finding(name, problem, hint, "warning", rule="hard-links"))
    if tracked:
        hint = f"git rm --cached {name}, and change every value in it: its history keeps them"
        findings.append(Finding(name, "is tracked by git", hint, rule="tracked"))
    return tuple(findings)


def refuse(findings: Iterable[Finding], source: str) -> None:
    """Raise `Refused` if there is an error among the findings, naming all of them."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    if len(errors) == 1:
        raise Refused(f"{source}: {errors[0].subject} {errors[0].problem}", errors[0].hint)
    lines = "".join(f"\n  {finding}" for finding in errors)
    raise Refused(f"{source}: {len(errors)} secrets are missing or malformed{lines}", f"edit {source}")
