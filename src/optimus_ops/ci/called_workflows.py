"""Reusable workflows: the file that a job calls, and whether the job gives what it asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.workflow_file import parse_workflow
from optimus_ops.errors import OpsError
from optimus_ops.project.yaml_nodes import YamlError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optimus_ops.ci.actions import Checkout
    from optimus_ops.ci.model import Job, Workflow
    from optimus_ops.reports.place import Place

LOCAL = re.compile(r"[.$]/(?P<path>[^@]+)")
REMOTE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)/(?P<path>[^@]+)@(?P<ref>\S+)")


def called_workflow(checkout: Checkout, job: Job, place: Place) -> tuple[Workflow, Path] | None:
    """Return the workflow that a job calls and the root of its checkout; None where that is of another repository.

    Raises:
        YamlError: there is none, it is malformed or not reusable, or the job gives it what it does not take.
        OpsError: it can't be read.
    """
    if local := LOCAL.fullmatch(job.uses):
        root, name = checkout.root, local["path"]
    elif not (remote := REMOTE.fullmatch(job.uses)):
        raise YamlError(place, f"bad workflow {job.uses!r}", "./.github/workflows/x.yml or owner/repository/path@ref")
    elif (folder := checkout.others.get(remote["repository"].lower())) is None:
        return None
    else:
        root, name = folder, remote["path"]
    path = root / name
    if not path.is_file():
        raise YamlError(place, f"there is no workflow {job.uses}")
    try:
        called = parse_workflow(path.read_text("utf-8"), path, path.relative_to(root).as_posix())
    except (OSError, UnicodeError) as error:
        raise OpsError(f"{place}: {job.uses} can't be read: {error}") from error
    _check_call(called, job, place)
    return called, root


def missing_inputs(workflow: Workflow, event: str, payload: Mapping[str, Any]) -> str:
    """Return what a run of a reusable workflow by itself is not given, or "" where it is given all that it requires."""
    inputs = payload.get("inputs")
    given = inputs if isinstance(inputs, dict) else {}
    required = [name for name, needed in workflow.call.inputs.items() if needed and name not in given]
    if event != "workflow_call" or not required:
        return ""
    return f"{workflow.key} is run by workflows that call it, and requires {', '.join(map(repr, required))}"


def _check_call(called: Workflow, job: Job, place: Place) -> None:
    if "workflow_call" not in called.triggers:
        raise YamlError(place, f"{job.uses} is not reusable: it has no event workflow_call")
    _check_names(job, place, "input", job.given.inputs, called.call.inputs)
    if not job.inherits_secrets:
        _check_names(job, place, "secret", job.given.secrets, called.call.secrets)


def _check_names(job: Job, place: Place, kind: str, given: Mapping[str, bool], taken: Mapping[str, bool]) -> None:
    have, known = {name.lower() for name in given}, {name.lower() for name in taken}
    for name in given:
        if name.lower() not in known:
            raise YamlError(place, f"{job.uses} takes no {kind} {name!r}", ", ".join(taken) or f"it takes no {kind}")
    for name, required in taken.items():
        if required and name.lower() not in have:
            raise YamlError(place, f"job {job.id!r} does not give {kind} {name!r}, which {job.uses} requires")
