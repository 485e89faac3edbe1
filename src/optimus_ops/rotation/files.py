"""The file of secrets and the services' files, as a rotation changes them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.secrets import projection, store
from optimus_ops.secrets.ages import Origin
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.key_store import missing_file
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import ages_of, commit, deliver, note_ages, observe
from optimus_ops.secrets.validate import check_values, refuse
from optimus_ops.secrets.value import Secret


@dataclass(frozen=True)
class SecretFiles:
    """What services get their secrets from."""

    paths: SecretsPaths
    entries: Mapping[str, Entry]

    def check(self, values: Mapping[str, Secret]) -> None:
        """Refuse values that the schema does not take."""
        entries = {key: self._entry(key) for key in values}
        refuse(check_values(entries, values), self.paths.secrets_file.name)

    def write(self, values: Mapping[str, Secret], rotation: str, *, rotated: str = "") -> None:
        """Write some values, the empty ones away, and bring every service's files up to date; `rotated` got a new one.

        Nothing is written that is as it should be. A run that is killed in between is completed by the next call. All
        that one rotation writes is one change: what the file was before it is kept as a version.

        Raises:
            OpsError: a file can't be written.
        """
        store.prepare_folder(self.paths.secrets_dir)
        with store.locked(self.paths.secrets_dir):
            store.remove_leftovers(self.paths.secrets_file)
            observed = observe(self.paths)
            if observed.document is None:
                raise missing_file(self.paths)
            document = observed.document
            for key, value in values.items():
                document = self._with(document, key, value)
            origins: dict[str, Origin] = {rotated: "rotated"} if rotated else {}
            if document != observed.document:
                commit(self.paths, self.entries, observed, document, f"secrets.rotate {rotation}", origins)
                return
            deliver(self.paths, self.entries, document.values, observed)
            note_ages(self.paths, document.values, origins)

    def retire(self, key: str, value: Secret) -> None:
        """Remember that nothing accepts a value any more, so that no backup brings it back.

        Raises:
            OpsError: that can't be written down.
        """
        if self.paths.retired is not None:
            self.paths.retired.note(key, value)

    def age(self, key: str) -> tuple[float | None, str]:
        """Return since when a key has its value (seconds since the epoch), and how it got it; (None, "") if unknown."""
        age = ages_of(self.paths, observe(self.paths)).get(key)
        return (age.since, age.origin) if age else (None, "")

    def put_back_age(self, key: str, since: float | None, origin: str) -> None:
        """Note that a key has the value again that it had before, so that it is due when it was."""
        stored = store.read(self.paths.secrets_file)
        if since is not None and stored is not None and self.paths.ages is not None:
            with contextlib.suppress(OSError):
                self.paths.ages.put_back(self.paths.secrets_file.name, key, since, origin)

    def holds(self, values: Mapping[str, Secret]) -> bool:
        """Tell whether the file and the services' files have these values."""
        observed = observe(self.paths)
        found = observed.document.values if observed.document else {}
        wanted = projection.desired(self.entries, found)
        stale = projection.stale(frozenset(wanted), observed.projected)
        delivered = not self.paths.delivered or not (projection.changed(wanted, observed.projected) or stale)
        return delivered and all(found.get(key, Secret("")) == value for key, value in values.items())

    def _with(self, document: Document, key: str, value: Secret) -> Document:
        entry = self._entry(key)
        if document.values.get(key, Secret("")) == value:
            return document
        if not value and entry.companion_of:
            return document.without(key)
        return document.with_value(key, value, entry.description)

    def _entry(self, key: str) -> Entry:
        if key not in self.entries:
            raise Refused(f"{self.paths.example.name} knows no secret {key}", "a rotator wants to write it")
        return self.entries[key]
