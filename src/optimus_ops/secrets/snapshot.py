"""A file of secrets with what is known of it: a line of JSON, then the file as it was; in versions and in backups."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.secrets import dotenv
from optimus_ops.secrets.value import Secret

FORMAT = "optimus-ops secrets"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file of secrets at one time.

    Args:
        environment: whose own file it is; "" for the shared one.
        time: when it was taken, in UTC (ISO 8601).
        task: what took it, as "secrets.set".
        tool: name and version of the program that wrote it.
        changes: key -> "added", "changed" or "removed", by the change that replaced it (versions only).
    """

    project: str
    environment: str
    file: str
    time: str
    task: str
    tool: str
    content: Secret = field(repr=False)
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dotenv.Document:
        """The file, parsed."""
        return dotenv.parse(self.content.reveal(), self.file)

    @property
    def named(self) -> list[str]:
        """The keys that have a value; none of a file that is malformed, which is kept all the same."""
        try:
            return [key for key, value in self.document.values.items() if value]
        except Refused:
            return []

    def metadata(self) -> dict[str, Any]:
        """Return what is known of the file: names and a checksum, never a value."""
        content = self.content.reveal().encode()
        return {
            "format": FORMAT,
            "version": VERSION,
            "project": self.project,
            "environment": self.environment,
            "file": self.file,
            "time": self.time,
            "task": self.task,
            "tool": self.tool,
            "keys": self.named,
            "changes": self.changes,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def render(self) -> Secret:
        """Return all of it as text."""
        return Secret(json.dumps(self.metadata(), ensure_ascii=True) + "\n" + self.content.reveal())


def tool_version() -> str:
    """Return name and version of this program; of one that runs from its checkout, the name alone."""
    try:
        return f"optimus-ops {importlib.metadata.version('optimus-ops')}"
    except importlib.metadata.PackageNotFoundError:
        return "optimus-ops"


def parse_snapshot(text: Secret, source: str) -> Snapshot:
    """Read what `render` wrote.

    Raises:
        Refused: it is something else, of a later version, or not whole. No value is in the message.
    """
    head, newline, content = text.reveal().partition("\n")
    try:
        found = json.loads(head)
    except (ValueError, RecursionError):
        found = None
    if not newline or not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refused(f"{source} holds no backup of secrets", "it was made by something else than invoke secrets.*")
    if found.get("version") != VERSION:
        raise Refused(
            f"{source} has version {found.get('version')} of the format; this program reads {VERSION}",
            f"use the program that wrote it: {found.get('tool')}",
        )
    return _checked(found, Secret(content), source)


def _checked(found: dict[str, Any], content: Secret, source: str) -> Snapshot:
    words = {name: found.get(name) for name in ("project", "environment", "file", "time", "task", "tool")}
    changes = found.get("changes")
    texts = {name: word for name, word in words.items() if isinstance(word, str)}
    if len(texts) != len(words) or not isinstance(changes, dict) or not all(map(_is_text, changes.items())):
        raise Refused(f"{source} is damaged: what it says of itself is incomplete", "take another one")
    made = Snapshot(**texts, content=content, changes=changes)
    # Checksum, size and the keys' names: all of what was written has to be found again.
    if made.metadata() != found:
        raise Refused(f"{source} is damaged: its content doesn't have its checksum", "take another one")
    return made


def _is_text(pair: tuple[object, object]) -> bool:
    return all(isinstance(word, str) for word in pair)
