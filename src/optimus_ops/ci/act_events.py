"""What act reports, line by line of its `--json` output, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from optimus_ops.reports.model import Finding, Level
from optimus_ops.reports.place import Place

Result = Literal["success", "failure", "skipped", "cancelled"]
LEVELS: Mapping[str, Level] = {"error": "error", "warning": "warning", "notice": "note"}
NANOSECONDS = 1e9


@dataclass(frozen=True)
class Source:
    """Which job, in which combination, and which of its steps (by index, nested ones behind) an event is of."""

    key: str
    job: str
    matrix: Mapping[str, Any] = field(default_factory=dict)
    step: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepStarted:
    """A step began."""

    source: Source
    title: str
    stage: str


@dataclass(frozen=True)
class StepEnded:
    """A step ended after some seconds."""

    source: Source
    title: str
    stage: str
    result: Result
    seconds: float


@dataclass(frozen=True)
class JobEnded:
    """A job ended."""

    source: Source
    result: Result


@dataclass(frozen=True)
class OutputLine:
    """A line that a step printed."""

    source: Source
    text: str


@dataclass(frozen=True)
class Annotation:
    """A step printed `::error file=…::…` or one of its kind."""

    source: Source
    finding: Finding


@dataclass(frozen=True)
class StepSummary:
    """What a step appended to its summary, as Markdown."""

    source: Source
    markdown: str


@dataclass(frozen=True)
class Message:
    """A message of act itself."""

    text: str
    level: str


ActEvent: TypeAlias = StepStarted | StepEnded | JobEnded | OutputLine | Annotation | StepSummary | Message


def parse_event(line: str) -> ActEvent:
    """Return what a line of act's output says; one that is no JSON object is a message."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        return Message(line.rstrip("\n"), "error" if line.startswith("Error:") else "info")
    text = str(found.get("msg", ""))
    if "job" not in found:
        return Message(text, str(found.get("level", "info")))
    step = found.get("stepID") or found.get("stepid") or ()
    source = Source(str(found["job"]), str(found.get("jobID", "")), found.get("matrix") or {}, tuple(map(str, step)))
    return _of_job(found, source, text)


def _of_job(found: Mapping[str, Any], source: Source, text: str) -> ActEvent:
    title, stage = str(found.get("step", "")), str(found.get("stage", ""))
    command = found.get("command")
    if "jobResult" in found:
        return JobEnded(source, found["jobResult"])
    if "stepResult" in found:
        seconds = found.get("executionTime", 0) / NANOSECONDS
        return StepEnded(source, title, stage, found["stepResult"], seconds)
    if found.get("raw_output"):
        return OutputLine(source, text.rstrip("\n"))
    if command in LEVELS:
        return Annotation(source, _finding(found, str(command)))
    if command == "summary":
        return StepSummary(source, str(found.get("content", "")))
    if text.startswith("⭐"):
        return StepStarted(source, title, stage)
    return Message(text, str(found.get("level", "info")))


def _finding(found: Mapping[str, Any], command: str) -> Finding:
    values = found.get("kvPairs") or {}
    file = str(values.get("file", ""))
    place = Place(file, _number(values.get("line")), _number(values.get("col"))) if file else None
    return Finding(str(values.get("title") or "annotation"), LEVELS[command], str(found.get("arg", "")), place)


def _number(text: object) -> int:
    return int(str(text)) if str(text).isdecimal() else 0
