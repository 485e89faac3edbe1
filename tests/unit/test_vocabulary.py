"""One word for one thing: names and phrases that were replaced don't come back."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT, tracked_files

LIBRARY = CHECKOUT / "src" / "optimus_ops"
RETIRED_NAMES = {
    "look_around": "observe_inputs",
    "Surroundings": "ObservedInputs",
    "Rooms": "the subsystem's own function",
    "Actor": "Executor",
    "actor": "executor",
    "Session": "StackContext",
    "Planned": "ChangeRun",
    "Before": "Baseline",
    "Victim": "ContainerRef",
    "victim": "container",
    "Gifts": "container inputs",
    "Sighting": "StatusSnapshot",
    "Budgeting": "budget check",
    "Watch": "MonitoredMaster",
    "Denied": "NotPermitted",
    "Directory": "AddressBook",
    "silence": "unreachable_reason",
    "Parts": "FailoverRoles",
    "Handed": "FailoverResult",
    "HeldWrites": "WritePause",
    "PreferReplica": "SetReplicaPriority",
    "SealBackup": "FinalizeBackup",
    "SetAside": "MoveDataAside",
    "PutInPlace": "ActivateBackup",
    "Scene": "FaultContext",
    "Door": "ServiceEndpoint",
    "Hands": "FaultInjector",
    "hands": "injector",
    "struck": "injected_at",
    "doomed": "lost_after_fault",
    "Thing": "the thing's own name",
    "thing": "the thing's own name",
    "Fate": "RequestResult",
    "MachineLacks": "MissingPrerequisite",
    "MakeBases": "MakeFallbacks",
    "stand_in": "fallback",
    "StackFiles": "Compose",
    "one": "the item's own name",
}
RETIRED_PHRASES = {
    "this machine lacks": "missing prerequisite",
    "Redis that survives its master": "Redis high availability",
    "When something is wrong": "Troubleshooting",
    "the master's part": "the master role",
    "hands? the master": "fail over",
    "[Pp]ut a backup in the place": "restore a backup",
}


def library_files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def names_of(path: Path) -> set[str]:
    """Return the identifiers of a module, those of its variables and parameters included."""
    readline = io.StringIO(path.read_text("utf-8")).readline
    return {token.string for token in tokenize.generate_tokens(readline) if token.type == tokenize.NAME}


def test_names_that_were_replaced_are_used_nowhere() -> None:
    used = {path: sorted(names_of(path) & RETIRED_NAMES.keys()) for path in library_files()}
    found = [
        f"{path.relative_to(LIBRARY)}: {name}, the field says {RETIRED_NAMES[name]}"
        for path, names in used.items()
        for name in names
    ]
    assert not found


@pytest.mark.parametrize("retired", RETIRED_PHRASES)
def test_a_phrase_that_was_replaced_is_read_nowhere(retired: str) -> None:
    prose = [path for path in tracked_files() if path.suffix in {".md", ".py", ".yml", ".yaml", ".html"}]
    kept = {Path(__file__), CHECKOUT / "CHANGELOG.md"}
    found = [
        str(path.relative_to(CHECKOUT))
        for path in prose
        if path not in kept and re.search(retired, path.read_text("utf-8"))
    ]
    assert not found, f"better: {RETIRED_PHRASES[retired]}"
