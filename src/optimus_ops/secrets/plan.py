"""What a first run or a later one would do with the secrets, decided without touching anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.secrets import projection
from optimus_ops.secrets.dotenv import Document, comment_line
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret

PRIVATE = 0o600
HEADER = (
    "Secrets of this installation: the one source of them. Keep it private, keep a copy in a safe place.",
    "`invoke secrets.init` makes what the platform owns and writes each service the ones it may read;",
    "`invoke secrets.validate` checks this file. A value with spaces, '#' or '$' stands in single quotes.",
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there: the operator's file as stored and as read, and what is projected (`service/name` -> file)."""

    document: Document | None
    stored: StoredFile | None
    projected: Mapping[str, StoredFile | None]


@dataclass(frozen=True, slots=True)
class SecretsPlan:
    """What would be done; names only, never values.

    Args:
        write: projected files (`service/name`) that are written.
        remove: projected files that are no longer wanted.
    """

    create: bool
    generate: tuple[str, ...]
    tighten: bool
    write: tuple[str, ...]
    remove: tuple[str, ...]
    empty_optional: tuple[str, ...]

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is as it should be."""
        return not (self.create or self.generate or self.tighten or self.write or self.remove)

    def done_json(self) -> dict[str, object]:
        """Return what was done, once the plan is carried out."""
        return {
            "created": self.create,
            "generated": self.generate,
            "projected": (*self.write, *self.remove),
            "empty_optional": self.empty_optional,
            "tightened": self.tighten,
        }


def make_plan(entries: Mapping[str, Entry], observed: Observed, *, delivered: bool = True) -> SecretsPlan:
    """Decide what to do so that every platform-owned key has a value and, if `delivered`, every service its files."""
    values = (observed.document or new_document(entries)).values
    generate = tuple(key for key, entry in entries.items() if entry.generator and not values.get(key))
    files = projection.desired(entries, values) if delivered else {}
    new = projection.names(entries, frozenset(generate)) if delivered else frozenset()
    return SecretsPlan(
        create=observed.document is None,
        generate=generate,
        tighten=observed.stored is not None and bool(observed.stored.mode & ~PRIVATE),
        write=tuple(sorted({*projection.changed(files, observed.projected), *new})),
        remove=projection.stale(frozenset(files) | new, observed.projected),
        empty_optional=tuple(
            key
            for key, entry in entries.items()
            if not (entry.generator or entry.required or entry.companion_of or values.get(key))
        ),
    )


def new_document(entries: Mapping[str, Entry]) -> Document:
    """Return the operator's file as it begins: every key with its description, platform-owned ones still empty."""
    document = Document(tuple(comment_line(line) for line in HEADER))
    for key, entry in entries.items():
        if not entry.companion_of:
            document = document.with_value(key, Secret(entry.default), entry.description)
    return document


def complete(document: Document, entries: Mapping[str, Entry], new: Mapping[str, Secret]) -> Document:
    """Return the document with new values: in their place, or at the end under their descriptions."""
    for key, value in new.items():
        document = document.with_value(key, value, entries[key].description)
    return document
