"""The actions that a workflow uses, and what stands in for them on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optimus_ops.ci.expression_scopes import COMPOSITE_ACTION, check_expressions
from optimus_ops.ci.workflow_file import read_steps
from optimus_ops.project.yaml_nodes import YamlError, parse_yaml
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from optimus_ops.ci.model import Job, JobStep

LOCAL_ACTIONS = Path(__file__).with_name("local_actions")
REMOTE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?P<path>/[^@]+)?@(?P<ref>\S+)")
CHECKOUT = re.compile(r"actions/checkout@", re.IGNORECASE)
OWN = ("./", "$/")
"""How a path of the same repository begins: in the workspace, or at the commit of the file that names it."""
MOST_NESTED = 10
Treatment = Literal["act", "local", "replaced", "not run", "impossible"]


@dataclass(frozen=True)
class ActionUse:
    """An action or a reusable workflow that a run uses.

    Args:
        uses: as the file names it.
        place: where.
        treatment: "act" (what act does itself), "local" (part of the checkout), "replaced" (by one of ours), "not run",
            "impossible" (a job that uses it can't run here).
        folder: where a replacement is.
        problem: why it is impossible.
    """

    uses: str
    place: Place
    treatment: Treatment
    folder: Path | None = None
    problem: str = ""


def replacement(repository: str) -> Path | None:
    """Return the folder of the small action that replaces a well-known one, or None."""
    folder = LOCAL_ACTIONS / repository.replace("/", "__")
    return folder if folder.is_dir() else None


@dataclass(frozen=True)
class Checkout:
    """Where the actions of a file come from.

    Args:
        root: the checkout that the file is part of.
        others: folders that stand for other repositories.
        caller: the checkout that a run works in, where the file is of another repository.
    """

    root: Path
    others: Mapping[str, Path] = field(default_factory=dict)
    caller: Path | None = None

    def of(self, uses: str) -> Checkout:
        """Return the checkout of an action: `./` is in the workspace of the run, `$/` beside the file that names it."""
        return Checkout(self.caller, self.others) if self.caller and uses.startswith("./") else self

    def other(self, root: Path) -> Checkout:
        """Return the checkout of another repository, used by a file of this one."""
        return Checkout(root, self.others, self.caller or self.root)


def used_actions(checkout: Checkout, file: str, jobs: Iterable[Job]) -> tuple[ActionUse, ...]:
    """Return what jobs call and what their steps use, also through actions of the checkout; each once.

    Raises:
        YamlError: an action of the checkout is malformed, or they use each other without end.
    """
    found: dict[str, ActionUse] = {}
    for job in jobs:
        if job.uses:
            found.setdefault(job.uses, _of_call(checkout, Place(file, job.line), job))
        for use in _of_steps(checkout, file, job.steps, 0):
            found.setdefault(use.uses, use)
    return tuple(found.values())


def _of_call(checkout: Checkout, place: Place, job: Job) -> ActionUse:
    if job.uses.startswith(OWN):
        return ActionUse(job.uses, place, "local")
    match = REMOTE.fullmatch(job.uses)
    if match and (other := checkout.others.get(match["repository"].lower())):
        return ActionUse(job.uses, place, "replaced", other)
    without = f" without --replace {match['repository']}=FOLDER" if match else ""
    problem = f"job {job.id!r} calls {job.uses}, a workflow of another repository: it can't run here{without}"
    return ActionUse(job.uses, place, "impossible", problem=problem)


def _of_steps(checkout: Checkout, file: str, steps: Iterable[JobStep], depth: int) -> Iterator[ActionUse]:
    placed: dict[str, str] = {}
    for step in steps:
        place = Place(file, step.line)
        if inside := next((path for path in placed if f"{step.uses}/".startswith(f"./{path}/")), ""):
            yield from _of_placed(checkout, place, step.uses, inside, placed[inside], depth)
        elif step.uses:
            yield from _of_step(checkout, place, step.uses, depth)
        if CHECKOUT.match(step.uses) and (path := step.inputs.get("path", "").removeprefix("./").strip("/")):
            placed[path] = step.inputs.get("repository", "")


def _of_placed(
    checkout: Checkout, place: Place, uses: str, path: str, repository: str, depth: int
) -> Iterator[ActionUse]:
    """Give an action in a folder of the workspace that a step before has checked a repository out to."""
    own, beside = checkout.caller or checkout.root, f"$/{uses[len(path) + 3 :]}"
    root = checkout.others.get(repository.lower()) if repository and "${{" not in repository else own
    if "${{" in repository and action_file(own, beside) is None:
        yield ActionUse(uses, place, "local")  # only the run knows which repository that is
        return
    if root is None:
        problem = f"{uses} is of {repository}, which is not on this machine: give --replace {repository}=FOLDER"
        yield ActionUse(uses, place, "impossible", problem=problem)
        return
    yield ActionUse(uses, place, "local")
    yield from _of_local_action(checkout.other(root), place, beside, depth)


def _of_step(checkout: Checkout, place: Place, uses: str, depth: int) -> Iterator[ActionUse]:
    if uses.startswith(OWN):
        if action_file(checkout.of(uses).root, uses) is None:
            where = f" in the caller's checkout ($/{uses[2:]} is beside {place.file})" if checkout.caller else ""
            yield ActionUse(uses, place, "impossible", problem=f"there is no action {uses}{where}")
            return
        yield ActionUse(uses, place, "local")
        yield from _of_local_action(checkout.of(uses), place, uses, depth)
    elif uses.startswith("docker://"):
        yield ActionUse(uses, place, "impossible", problem=f"{uses}: a step in a container of its own can't run here")
    elif not (match := REMOTE.fullmatch(uses)):
        raise YamlError(place, f"bad action {uses!r}", "owner/repository@ref, ./folder or docker://image")
    elif match["repository"].lower() == "actions/checkout":
        # Act itself copies the clone; for another repository, or with a `ref`, it runs the action: then that is ours.
        yield ActionUse(uses, place, "act", replacement("actions/checkout"))
    elif other := checkout.others.get(match["repository"].lower()):
        yield ActionUse(uses, place, "replaced", other)
        yield from _of_local_action(checkout.other(other), place, f"${match['path'] or '/'}", depth)
    else:
        folder = replacement(match["repository"].lower())
        known = folder is not None and (folder / (match["path"] or "").strip("/") / "action.yml").is_file()
        yield ActionUse(uses, place, "replaced" if known else "not run", folder if known else None)


def _of_local_action(checkout: Checkout, place: Place, uses: str, depth: int) -> Iterator[ActionUse]:
    _check_depth(depth, place)
    path = action_file(checkout.root, uses)
    if path is None:
        raise YamlError(place, f"there is no action {uses}", f"{uses}/action.yml describes one")
    file = path.relative_to(checkout.root).as_posix()
    root = parse_yaml(path.read_text("utf-8"), file)
    check_expressions(root, COMPOSITE_ACTION)
    runs = root.get("runs")
    steps = runs.get("steps") if runs is not None else None
    if steps is not None:
        yield from _of_steps(checkout, file, read_steps(steps), depth + 1)


def action_file(root: Path, uses: str) -> Path | None:
    """Return the file that describes an action in a folder of a checkout, or None."""
    folder = root / uses.removeprefix("$/")
    paths = [folder / name for name in ("action.yml", "action.yaml")]
    return next((path for path in paths if path.is_file()), None)


def _check_depth(depth: int, place: Place) -> None:
    if depth >= MOST_NESTED:
        raise YamlError(place, f"more than {MOST_NESTED} actions inside each other")
