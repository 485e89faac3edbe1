"""Earlier runs, from the JSON documents of their reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.loadtest.document import SCHEMA
from optimus_ops.loadtest.model import Profile
from optimus_ops.loadtest.records import FlowKey, Interval, histogram_of


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run of the same load."""

    file: str
    valid: bool
    intervals: tuple[Interval, ...]


def read_runs(files: Iterable[str], profile: Profile, engine: str) -> Sequence[EarlierRun]:
    """Read runs that a load is to be compared with: files, or folders (which may be missing) with files of any loads.

    Raises:
        Refused: a file is no document of a run, or of one of another load.
    """
    return [run for file in files for run in (_folder if _is_folder(file) else _one)(file, profile, engine)]


def _is_folder(file: str) -> bool:
    return file.endswith("/") or Path(file).is_dir()


def _one(file: str, profile: Profile, engine: str) -> Sequence[EarlierRun]:
    return [_read(file, profile, engine)]


def _folder(folder: str, profile: Profile, engine: str) -> Sequence[EarlierRun]:
    """Return the runs of a folder that can be compared with; others are none of them."""
    found = []
    for path in sorted(Path(folder).glob("*.json")):
        with suppress(Refused):
            found.append(_read(str(path), profile, engine))
    return found


def _read(file: str, profile: Profile, engine: str) -> EarlierRun:
    try:
        found = json.loads(Path(file).read_text("utf-8"))
        run = EarlierRun(file, bool(found["valid"]), tuple(_interval(entry) for entry in found["intervals"]))
        load, schema = (found["profile"], found["engine"]), found["schema"]
    except OSError as error:
        raise Refused(f"--compare {file}: it can't be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        hint = "the JSON file of a report is wanted: invoke load-test --report FOLDER"
        raise Refused(f"--compare {file}: no result of a load test", hint) from error
    if schema != SCHEMA:
        raise Refused(f"--compare {file}: a document of schema {schema}; this version reads {SCHEMA}")
    if load != (profile.name, engine):
        theirs, ours = (f"{name} by {by}" for name, by in (load, (profile.name, engine)))
        raise Refused(f"--compare {file}: that run was {theirs}, this one is {ours}", "compare runs of one load")
    if not run.valid:
        raise Refused(f"--compare {file}: that run was invalid", "its figures say nothing about the platform")
    return run


def _interval(found: dict[str, Any]) -> Interval:
    return Interval(
        int(found["second"]),
        FlowKey(str(found["class"]), str(found["tenant"])),
        int(found["offered"]),
        int(found["ok"]),
        {str(kind): int(count) for kind, count in found["failed"].items()},
        histogram_of(found["latency"]),
        histogram_of(found.get("first_token", {})),
    )
