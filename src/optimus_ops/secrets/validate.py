"""What is wrong with the operator's secrets, said by name and never by value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.secrets.schema import Entry
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; an `error` stops the platform from starting, a `warning` doesn't."""

    subject: str
    problem: str
    hint: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.subject} {self.problem}: {self.hint}"


def check_values(entries: Mapping[str, Entry], values: Mapping[str, Secret]) -> tuple[Finding, ...]:
    """Return what is missing, malformed or unknown."""
    findings = [found for key, entry in entries.items() if (found := _check_value(key, entry, values.get(key)))]
    findings += [_unknown(key, entries) for key in values if key not in entries]
    return tuple(findings)


def _check_value(key: str, entry: Entry, value: Secret | None) -> Finding | None:
    if not value:
        if entry.generator:
            return Finding(key, "is missing", "`invoke secrets.init` makes it")
        if entry.required:
            return Finding(key, "is missing", f"set {key} in .env.secrets")
        return None
    if entry.pattern and not entry.pattern.fullmatch(value.reveal()):
        return Finding(key, "is malformed", f"it must match {entry.pattern.pattern}")
    return None


def _unknown(key: str, entries: Mapping[str, Entry]) -> Finding:
    close = difflib.get_close_matches(key, entries, n=1)
    hint = f"did you mean {close[0]}?" if close else "add it to .env.example with its consumers, or delete it"
    return Finding(key, "is not in .env.example, so no service gets it", hint, "warning")


def check_file(name: str, stored: StoredFile | None, *, tracked: bool, user: int) -> tuple[Finding, ...]:
    """Return what is wrong with the operator's file itself; `user` is the id of who asks."""
    if stored is None:
        return (Finding(name, "is not there yet", "`invoke secrets.init` makes it"),)
    findings = []
    if excess := stored.mode & ~PRIVATE:
        findings.append(
            Finding(name, f"is open to others (mode {stored.mode:04o}, {excess:03o} too much)", f"chmod 600 {name}")
        )
    # Root looks after files of others, and keeps them theirs.
    if user not in {0, stored.owner}:
        findings.append(
            Finding(name, f"belongs to user {stored.owner}, who can read and change it", f"chown it: {name}")
        )
    if stored.names > 1:
        problem = f"has {stored.names} names (hard links): a copy shows the same secrets, and keeps the old ones"
        findings.append(Finding(name, problem, f"find the others: find / -samefile {name}", "warning"))
    if tracked:
        hint = f"git rm --cached {name}, and change every value in it: its history keeps them"
        findings.append(Finding(name, "is tracked by git", hint))
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
