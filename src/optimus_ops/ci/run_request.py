"""What `invoke ci.run` was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

PAYLOAD_EVENTS = ("pull_request", "merge_group", "release", "issue_comment", "deployment", "schedule")


@dataclass(frozen=True)
class RunRequest:
    """What `invoke ci.run` was asked for.

    Args:
        event: name of an event, or a JSON file with its payload; "" for the usual one of the workflow.
        matrix: `name=value` texts.
        secrets: names of environment variables that the workflow gets as secrets.
        replace: `owner/repository=folder` texts: folders that stand for other repositories.
    """

    workflow: str
    job: str = ""
    event: str = ""
    matrix: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    plan: bool = False
    json: bool = False

    @property
    def event_file(self) -> Path | None:
        """The file with the event's payload, if one was given."""
        return Path(self.event).resolve() if self.event.endswith(".json") else None

    def matrix_values(self) -> dict[str, str]:
        """Return the chosen values of the matrix.

        Raises:
            Refused: one is not `name=value`.
        """
        return _pairs("--matrix", self.matrix, "name=value")

    def replacements(self) -> dict[str, Path]:
        """Return the folders that stand for other repositories, by `owner/repository` in lower case.

        Raises:
            Refused: one is not `owner/repository=folder`, or there is no such folder.
        """
        found = _pairs("--replace", self.replace, "owner/repository=folder")
        for name, folder in found.items():
            if not Path(folder).is_dir():
                raise Refused(f"--replace {name}={folder}: no such folder")
        return {name.lower(): Path(folder).resolve() for name, folder in found.items()}


def _pairs(flag: str, texts: tuple[str, ...], form: str) -> dict[str, str]:
    for text in texts:
        if "=" not in text or text.startswith("="):
            raise Refused(f"{flag} {text}: {form} is expected")
    return dict(text.split("=", 1) for text in texts)


def read_payload(path: Path) -> dict[str, Any]:
    """Return the payload of an event that a file holds.

    Raises:
        Refused: it can't be read, or is no JSON object.
    """
    try:
        payload = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"--event {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"--event {path.name}: not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Refused(f"--event {path.name}: a JSON object is expected")
    return payload


def event_of(payload: Mapping[str, Any], triggers: Container[str]) -> str:
    """Return the event of a payload; inputs are for a start by hand, or for a call where a workflow has only that."""
    if named := next((event for event in PAYLOAD_EVENTS if event in payload), ""):
        return named
    if "inputs" not in payload:
        return "push"
    return (
        "workflow_call" if "workflow_call" in triggers and "workflow_dispatch" not in triggers else "workflow_dispatch"
    )
