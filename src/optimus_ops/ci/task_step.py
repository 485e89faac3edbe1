"""One task as a step of a workflow: its report as step summary, its findings as annotations, its exit code."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.reports.annotations import annotation
from optimus_ops.reports.model import Finding
from optimus_ops.reports.place import Place
from optimus_ops.secrets.values_to_mask import ValuesToMask
from optimus_ops.system.in_place import run_in_place
from optimus_ops.system.masking import is_maskable

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SUMMARY_BYTES = 1024 * 1024
"""What GitHub takes of a step's summary."""


def run_task(words: str, *, report: str, output: str, project: str = "") -> None:
    """Run `invoke` with the words of one text, and show what its report folder has afterwards.

    `project` is the folder of another project that the task is of.

    Raises:
        Exit: with the task's exit code, where it is not 0.
        Refused: the words are none of a shell.
        OpsError: the output file can't be written.
    """
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise Refused(f"{words}: {error}") from error
    if not command:
        raise Refused("no task is named", "invoke ci.task 'redis.drill --report reports'")
    before = _stamps(report)
    values = _mask_in_actions(project, frozenset())
    code = _call([*(("--search-root", project) if project else ()), *command], output)
    # The task may have made some.
    _mask_in_actions(project, values)
    changed = [path for path, stamp in _stamps(report).items() if before.get(path) != stamp]
    _add_to_summary([path for path in changed if path.suffix == ".md"])
    for path in changed:
        if path.suffix == ".json":
            for finding in findings_of(path):
                print(annotation(finding), flush=True)
    if code:
        raise Exit(code=code)


def _mask_in_actions(project: str, known: frozenset[str]) -> frozenset[str]:
    """Have GitHub mask the project's secrets in whatever later steps print; return what it knows by now.

    Only here: standard output is the step's own, which the runner reads and doesn't show such lines of.
    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions#masking-a-value-in-a-log
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return known
    values = frozenset(ValuesToMask(Path(project) if project else load_project().root).values())
    for value in sorted(value for value in values - known if is_maskable(value)):
        # Past our own masking, which would hide it from the runner, too.
        sys.stdout.flush()
        sys.stdout.buffer.write(f"::add-mask::{value.replace('%', '%25')}\n".encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    return known | values


def findings_of(path: Path) -> Iterator[Finding]:
    """Give the findings of a report's JSON document; of another file none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return
    for found in document.get("findings", []) if isinstance(document, dict) else []:
        yield _finding(found)


def _finding(found: dict[str, Any]) -> Finding:
    place = found.get("place")
    return Finding(
        found["rule"], found["level"], found["message"], Place(**place) if place else None, found.get("hint", "")
    )


def _call(command: list[str], output: str) -> int:
    program = [str(Path(sys.executable).with_name("invoke")), *command]
    if not output:
        return run_in_place(program)
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        with Path(output).open("wb") as file:
            return run_in_place(program, stdout=file)
    except OSError as error:
        raise OpsError(f"the output can't be written: {error}") from error


def _stamps(folder: str) -> dict[Path, int]:
    """Return the files of the report folder and when each was written."""
    return {path: path.stat().st_mtime_ns for path in sorted(Path(folder).glob("*"))} if folder else {}


def _add_to_summary(paths: list[Path]) -> None:
    """Append reports to the step's summary, as far as GitHub takes them."""
    target = os.environ.get("GITHUB_STEP_SUMMARY", "")
    text = "\n".join(path.read_text("utf-8") for path in paths)
    if not target or not text:
        return
    data = text.encode()
    if len(data) > MOST_SUMMARY_BYTES:
        note = b"\n\n(cut: the whole report is an artifact)\n"
        data = data[: MOST_SUMMARY_BYTES - len(note)].decode("utf-8", "ignore").encode() + note
    with Path(target).open("ab") as file:
        file.write(data)
