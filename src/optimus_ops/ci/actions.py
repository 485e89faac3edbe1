"""The actions that a workflow uses, and what stands in for them on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optimus_ops.ci.workflow_file import parse_workflow, read_steps
from optimus_ops.ci.yaml_nodes import WorkflowError, parse_yaml
from optimus_ops.errors import Refused
from optimus_ops.reports.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from optimus_ops.ci.model import Job, JobStep

LOCAL_ACTIONS = Path(__file__).with_name("local_actions")
REMOTE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?P<path>/[^@]+)?@(?P<ref>\S+)")
MOST_NESTED = 10
Treatment = Literal["act", "local", "replaced", "not run"]


@dataclass(frozen=True)
class ActionUse:
    """An action or a reusable workflow that a run uses.

    Args:
        uses: as the file names it.
        place: where.
        treatment: "act" (what act does itself), "local" (part of the checkout), "replaced" (by one of ours), "not run".
        folder: where a replacement is.
    """

    uses: str
    place: Place
    treatment: Treatment
    folder: Path | None = None


def replacement(repository: str) -> Path | None:
    """Return the folder of the small action that replaces a well-known one, or None."""
    folder = LOCAL_ACTIONS / repository.replace("/", "__")
    return folder if folder.is_dir() else None


@dataclass(frozen=True)
class Checkout:
    """Where the actions of a run come from: the checkout itself, and folders that stand for other repositories."""

    root: Path
    others: Mapping[str, Path] = field(default_factory=dict)


def used_actions(checkout: Checkout, file: str, jobs: Iterable[Job]) -> tuple[ActionUse, ...]:
    """Return all that jobs use, also through actions and reusable workflows of the checkout; each once.

    Raises:
        WorkflowError: an action of the checkout is missing or malformed, or they use each other without end.
        Refused: a reusable workflow of another repository, which can't run here.
    """
    found: dict[str, ActionUse] = {}
    for use in _of_jobs(checkout, file, jobs, 0):
        found.setdefault(use.uses, use)
    return tuple(found.values())


def _of_jobs(checkout: Checkout, file: str, jobs: Iterable[Job], depth: int) -> Iterator[ActionUse]:
    for job in jobs:
        place = Place(file, job.line)
        if job.uses.startswith("./"):
            yield ActionUse(job.uses, place, "local")
            path = checkout.root / job.uses
            if not path.is_file():
                raise WorkflowError(place, f"there is no workflow {job.uses}")
            _check_depth(depth, place)
            called = parse_workflow(path.read_text("utf-8"), path, path.relative_to(checkout.root).as_posix())
            yield from _of_jobs(checkout, path.relative_to(checkout.root).as_posix(), called.jobs, depth + 1)
        elif job.uses:
            raise Refused(
                f"{place}: job {job.id!r} calls {job.uses}, a workflow of another repository: it can't run here",
                "name the other jobs with --job",
            )
        yield from _of_steps(checkout, file, job.steps, depth)


def _of_steps(checkout: Checkout, file: str, steps: Iterable[JobStep], depth: int) -> Iterator[ActionUse]:
    for step in steps:
        if step.uses:
            yield from _of_step(checkout, Place(file, step.line), step.uses, depth)


def _of_step(checkout: Checkout, place: Place, uses: str, depth: int) -> Iterator[ActionUse]:
    if uses.startswith("./"):
        yield ActionUse(uses, place, "local")
        yield from _of_local_action(checkout, place, uses, depth)
    elif uses.startswith("docker://"):
        raise Refused(f"{place}: {uses}: a step in a container of its own can't run here", "name other jobs with --job")
    elif not (match := REMOTE.fullmatch(uses)):
        raise WorkflowError(place, f"bad action {uses!r}", "owner/repository@ref, ./folder or docker://image")
    elif match["repository"].lower() == "actions/checkout":
        yield ActionUse(uses, place, "act")
    elif other := checkout.others.get(match["repository"].lower()):
        yield ActionUse(uses, place, "replaced", other)
        inside = replace(checkout, root=other)
        yield from _of_local_action(inside, place, f".{match['path'] or '/'}", depth)
    else:
        folder = replacement(match["repository"].lower())
        known = folder is not None and (folder / (match["path"] or "").strip("/") / "action.yml").is_file()
        yield ActionUse(uses, place, "replaced" if known else "not run", folder if known else None)


def _of_local_action(checkout: Checkout, place: Place, uses: str, depth: int) -> Iterator[ActionUse]:
    _check_depth(depth, place)
    paths = [checkout.root / uses / name for name in ("action.yml", "action.yaml")]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise WorkflowError(place, f"there is no action {uses}", f"{uses}/action.yml describes one")
    file = path.relative_to(checkout.root).as_posix()
    runs = parse_yaml(path.read_text("utf-8"), file).get("runs")
    steps = runs.get("steps") if runs is not None else None
    if steps is not None:
        yield from _of_steps(checkout, file, read_steps(steps), depth + 1)


def _check_depth(depth: int, place: Place) -> None:
    if depth >= MOST_NESTED:
        raise WorkflowError(place, f"more than {MOST_NESTED} actions or workflows inside each other")
