"""First run and every later one: the operator's file is complete, and each service's folder holds what it may read."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.secrets import dotenv, projection, store
from optimus_ops.secrets.ages import Ages, Origin
from optimus_ops.secrets.difference import compare
from optimus_ops.secrets.entry import Entry, in_environment, with_companions
from optimus_ops.secrets.families import expand
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.plan import Observed, SecretsPlan, complete, make_plan, new_document
from optimus_ops.secrets.schema import parse_schema
from optimus_ops.secrets.secret_parts import unmasked
from optimus_ops.secrets.snapshot import Snapshot, tool_version
from optimus_ops.secrets.tenants import tenant_names
from optimus_ops.secrets.validate import (
    Finding,
    check_ages,
    check_document,
    check_file,
    check_masking,
    check_values,
    refuse,
)
from optimus_ops.secrets.value import Secret
from optimus_ops.system.clock import iso_now


def ensure(paths: SecretsPaths) -> SecretsPlan:
    """Make what is missing: the operator's file, new values for platform-owned keys, every service's folder; return it.

    What the operator wrote is never changed. Run again, it does nothing.

    Raises:
        Refused: one of the files is malformed, a required key is missing, or a path is not what it should be.
        OpsError: a file can't be written.
    """
    entries = _entries_for(paths)
    store.prepare_folder(paths.secrets_dir)
    with store.locked(paths.secrets_dir):
        store.remove_leftovers(paths.secrets_file)
        observed = observe(paths)
        planned = make_plan(entries, observed, delivered=paths.delivered)
        document = complete(observed.document or new_document(entries), entries, _new_values(entries, planned.generate))
        refuse(check_values(entries, document.values), paths.secrets_file.name)
        if planned.create or planned.generate:
            commit(paths, entries, observed, document, "secrets.init", dict.fromkeys(planned.generate, "generated"))
            return planned
        if planned.tighten:
            store.tighten(paths.secrets_file)
        deliver(paths, entries, document.values, observed)
        note_ages(paths, document.values, {})
    return planned


def commit(
    paths: SecretsPaths,
    entries: Mapping[str, Entry],
    observed: Observed,
    document: dotenv.Document,
    task: str,
    changed: Mapping[str, Origin],
) -> None:
    """Write a changed file of secrets: the version before is kept, services get their files. It has to be locked.

    `task` is the one that changes it ("secrets.set"); `changed` says how values that are new get theirs. A task with an
    id ("secrets.rotate rot-1f…") is one change, however often it writes.
    """
    before = snapshot_of(paths, observed, task)
    if before is not None and paths.versions is not None:
        begun = paths.versions.begun(before.file, task) if " " in task else None
        former = begun.document if begun else observed.document
        paths.versions.keep(
            replace(begun or before, time=before.time, changes=changes_between(former, document)), begun
        )
    # The values are durable here before a service can come to depend on them.
    store.write(paths.secrets_file, document.render())
    deliver(paths, entries, document.values, observed)
    note_ages(paths, document.values, changed)


def snapshot_of(paths: SecretsPaths, observed: Observed, task: str) -> Snapshot | None:
    """Return a file of secrets as it was observed; None if there is none."""
    if observed.stored is None:
        return None
    return Snapshot(
        project=paths.project,
        environment="" if paths.delivered else paths.environment,
        file=paths.secrets_file.name,
        time=iso_now(),
        task=task,
        tool=tool_version(),
        content=observed.stored.content,
    )


def changes_between(before: dotenv.Document | None, after: dotenv.Document) -> dict[str, str]:
    """Return key -> "added", "changed" or "removed"."""
    found = compare(before.values if before else {}, after.values)
    return {
        **dict.fromkeys(found.only_in_b, "added"),
        **dict.fromkeys(found.different, "changed"),
        **dict.fromkeys(found.only_in_a, "removed"),
    }


def plan(paths: SecretsPaths) -> SecretsPlan:
    """Return what `ensure` would do, without writing anything."""
    entries = _entries_for(paths)
    store.refuse_foreign(paths.secrets_dir)
    observed = observe(paths)
    planned = make_plan(entries, observed, delivered=paths.delivered)
    values = (observed.document or new_document(entries)).values
    settled = {key: entry for key, entry in entries.items() if key not in planned.generate}
    refuse(
        check_values(settled, {key: value for key, value in values.items() if key in settled}), paths.secrets_file.name
    )
    return planned


def _entries_for(paths: SecretsPaths) -> Mapping[str, Entry]:
    """Return the entries that a file of secrets has: all if services get files of it, else those of its environment."""
    entries = read_entries(paths)
    return entries if paths.delivered else in_environment(entries, paths.environment)


def validate(paths: SecretsPaths) -> tuple[Finding, ...]:
    """Return everything that is wrong with the operator's file and its values, as its environment needs them."""
    entries = read_entries(paths)
    observed = observe(paths)
    name = paths.secrets_file.name
    about_file = check_file(name, observed.stored, tracked=is_tracked(paths.secrets_file), user=os.geteuid())
    if observed.document is None:
        return about_file
    about_values = check_document(entries, observed.document, paths.environment, paths.example.name)
    ages = check_ages(entries, observed.document, ages_of(paths, observed), time.time())
    return (*about_file, *about_values, *ages, *check_masking(observed.document, unmasked(observed.document.values)))


def ages_of(paths: SecretsPaths, observed: Observed) -> Ages:
    """Return the ages of a file's values."""
    if paths.ages is None or observed.stored is None or observed.document is None:
        return {}
    return paths.ages.current(paths.secrets_file.name, observed.stored, observed.document.values)


def note_ages(paths: SecretsPaths, values: Mapping[str, Secret], changed: Mapping[str, Origin]) -> None:
    """Note the ages of values that were just written."""
    stored = store.read(paths.secrets_file)
    if paths.ages is not None and stored is not None:
        # The values are in place already: an age that can't be noted is no reason to put them back.
        with contextlib.suppress(OSError):
            paths.ages.note(paths.secrets_file.name, stored, values, changed)


def read_entries(paths: SecretsPaths) -> Mapping[str, Entry]:
    """Read the schema and give each tenant its keys."""
    template = store.read(paths.example)
    if template is None:
        raise Refused(
            f"there is no {paths.example.name}",
            f"it describes the secrets and belongs to the checkout: {paths.example}",
        )
    listed = store.read(paths.tenants_file)
    tenants = tenant_names(listed.content.reveal(), paths.tenants_file.name) if listed else ()
    return with_companions(expand(parse_schema(template.content.reveal(), paths.example.name), tenants))


def observe(paths: SecretsPaths, *, lenient: bool = False) -> Observed:
    """Read the operator's file and what is projected of it; `lenient`: a malformed one counts as having no document."""
    stored = store.read(paths.secrets_file)
    try:
        document = dotenv.parse(stored.content.reveal(), paths.secrets_file.name) if stored else None
    except Refused:
        if not lenient:
            raise
        document = None
    return Observed(document, stored, store.observe(paths.secrets_dir) if paths.delivered else {})


def is_tracked(path: Path) -> bool:
    """Return whether git keeps the file; False where there is no git or no checkout."""
    command = ["git", "-C", str(path.parent), "ls-files", "--error-unmatch", "--", path.name]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _new_values(entries: Mapping[str, Entry], keys: tuple[str, ...]) -> Mapping[str, Secret]:
    return {key: generator.new() for key in keys if (generator := entries[key].generator)}


def deliver(
    paths: SecretsPaths, entries: Mapping[str, Entry], values: Mapping[str, Secret], observed: Observed
) -> None:
    """Bring each service's files up to date, if services get theirs of this file of secrets."""
    if not paths.delivered:
        return
    folder = paths.secrets_dir
    files = projection.desired(entries, values)
    services = projection.services(entries)
    for service in sorted(services):
        store.prepare_service_folder(folder / service)
    for name in projection.changed(files, observed.projected):
        store.write(folder / name, files[name], projection.FILE_MODE)
    for name in projection.stale(frozenset(files), observed.projected):
        store.remove(folder, name)
    store.remove_empty_folders(folder, services)
