"""`invoke secrets.restore`: what is wrong with a snapshot, what it changes, and putting it in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.secrets import projection
from optimus_ops.secrets.ages import Origin
from optimus_ops.secrets.difference import Difference, compare
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry, in_environment
from optimus_ops.secrets.file_change import change_file
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.plan import Observed
from optimus_ops.secrets.snapshot import Snapshot
from optimus_ops.secrets.validate import check_document
from optimus_ops.text.console import Progress
from optimus_ops.text.units import counted

AS_SAID = "if it is meant all the same: --force"


@step("restore-secrets", "replace {file} by {source}{_delivered}")
class RestoreSecrets(Step):
    """Put a file of secrets back, and the files of the services that read it."""

    file: str
    source: str
    services: tuple[str, ...] = ()

    @property
    def _delivered(self) -> str:
        return f", and the files of {', '.join(self.services)}" if self.services else ""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is put in place of a file, what that changes, and what is to be said of it."""

    document: Document
    difference: Difference
    notes: tuple[str, ...]


def refuse_foreign(snapshot: Snapshot, source: str, paths: SecretsPaths, *, force: bool) -> None:
    """Refuse a snapshot of another project or environment."""
    target = "" if paths.delivered else paths.environment
    if force:
        return
    if snapshot.project != paths.project:
        raise Refused(f"{source} is of another project: {snapshot.project}, and this is {paths.project}", AS_SAID)
    if snapshot.environment != target:
        of = f"the environment {snapshot.environment}" if snapshot.environment else "the file that all share"
        flag = f"--environment {snapshot.environment}" if snapshot.environment else "no --environment"
        raise Refused(f"{source} is of {of}, not for {paths.secrets_file.name}", f"restore it with {flag}; {AS_SAID}")


def restoration(
    snapshot: Snapshot,
    source: str,
    paths: SecretsPaths,
    entries: Mapping[str, Entry],
    observed: Observed,
    *,
    force: bool,
) -> Restoration:
    """Return what restoring does, checked against the schema and against what was rotated away.

    Raises:
        Refused: the platform could not start with it, or it brings back values that nothing accepts any more.
    """
    present = observed.document.values if observed.document else {}
    document, kept = _with_generated(snapshot.document, paths, entries, observed)
    _refuse_invalid(document, source, paths, entries, force=force)
    revoked = [
        key
        for key in (paths.retired.found_in(document.values) if paths.retired else ())
        if document.values[key] != present.get(key)
    ]
    if revoked and not force:
        raise Refused(
            f"{source} would bring back values that were rotated away, and that nothing accepts: {', '.join(revoked)}",
            f"rotate instead, or restore a later one; {AS_SAID}",
        )
    second = [key for key in document.values if key in entries and entries[key].companion_of and document.values[key]]
    notes = (
        *([f"not in {source}, so left as they are: {', '.join(kept)}"] if kept else ()),
        *([f"rotated away, and nothing accepts them: {', '.join(revoked)}"] if revoked else ()),
        *([f"second values of a rotation that was under way: {', '.join(second)}"] if second else ()),
        *([f"{paths.secrets_file.name} is malformed now"] if observed.stored and not observed.document else ()),
    )
    return Restoration(document, compare(present, document.values), notes)


def _with_generated(
    document: Document, paths: SecretsPaths, entries: Mapping[str, Entry], observed: Observed
) -> tuple[Document, tuple[str, ...]]:
    """Add what the platform generates and a snapshot doesn't have: new values would lock services out of their data."""
    present = observed.document.values if observed.document else {}
    used = entries if paths.delivered else in_environment(entries, paths.environment)
    kept = tuple(
        key for key, entry in used.items() if entry.generator and not document.values.get(key) and present.get(key)
    )
    for key in kept:
        document = document.with_value(key, present[key], entries[key].description)
    return document, kept


def _refuse_invalid(
    document: Document, source: str, paths: SecretsPaths, entries: Mapping[str, Entry], *, force: bool
) -> None:
    findings = check_document(entries, document, paths.environment, paths.example.name)
    # What the platform generates, `secrets.init` and each start complete.
    bad = [
        finding
        for finding in findings
        if finding.severity == "error"
        and not (finding.rule == "missing" and entries[finding.subject].generator)
        and not (force and finding.rule == "unknown")
    ]
    if bad:
        unknown = all(finding.rule == "unknown" for finding in bad)
        lines = "".join(f"\n    {finding.subject} {finding.problem}" for finding in bad)
        raise Refused(
            f"{source} doesn't fit {paths.example.name}: {counted(len(bad), 'secret')}{lines}",
            AS_SAID if unknown else "take another one, or check out the version of the project that it is of",
        )


def plan_restore(
    found: Restoration, source: str, paths: SecretsPaths, entries: Mapping[str, Entry], observed: Observed
) -> Plan:
    """Return the step that restores; none if all is as in the snapshot."""
    files = projection.desired(entries, found.document.values) if paths.delivered else {}
    stale = projection.stale(frozenset(files), observed.projected)
    changed = (*projection.changed(files, observed.projected), *stale)
    if found.document == observed.document and not changed:
        return Plan(paths.project, "secrets.restore", (), found.notes)
    services = tuple(dict.fromkeys(name.partition("/")[0] for name in sorted(changed)))
    name = paths.secrets_file.name
    cause = Cause("asked for", "requested") if observed.stored else Cause(f"there is no {name}", "missing")
    step_ = RestoreSecrets(file=name, source=source, services=services, cause=cause)
    return Plan(paths.project, "secrets.restore", (step_,), found.notes)


@dataclass
class RestoreExecutor(StepExecutor):
    """Puts a snapshot in place; its undo puts back what was there."""

    paths: SecretsPaths
    entries: Mapping[str, Entry]
    document: Document
    observed: Observed

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {RestoreSecrets: self._restore}

    def _restore(self, restore: RestoreSecrets, _progress: Progress) -> None:
        def replaced(now: Observed) -> Document:
            if now.stored != self.observed.stored:
                raise Refused(f"{restore.file} was changed meanwhile", "nothing was restored: look at it and try again")
            return self.document

        present = self.observed.document.values if self.observed.document else {}
        different = [key for key, value in self.document.values.items() if value != present.get(key)]
        origins: dict[str, Origin] = dict.fromkeys(different, "restored")
        change_file(self.paths, self.entries, self.undo_stack, replaced, "secrets.restore", origins, lenient=True)
