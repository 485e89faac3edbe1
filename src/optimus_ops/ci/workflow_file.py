"""Reading workflow files and actions: text to values, errors with line and column."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from optimus_ops.ci.expression_scopes import WORKFLOW, check_expressions
from optimus_ops.ci.matrix import read_matrix
from optimus_ops.ci.model import CallInterface, Job, JobStep, ServiceContainer, Workflow
from optimus_ops.ci.workflow_keys import (
    CALL_KEYS,
    CONCURRENT_STEPS,
    EVENTS,
    EVERYTHING,
    JOB_KEYS,
    LEVELS,
    SCOPES,
    STEP_KEYS,
    WORKFLOW_KEYS,
)
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.yaml_nodes import Node, parse_yaml

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".github/workflows"
SUFFIXES = (".yml", ".yaml")
JOB_ID = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_-]{0,98}")


def workflow_paths(root: Path) -> tuple[Path, ...]:
    """Return the workflow files of a checkout, by name."""
    return tuple(sorted(path for path in (root / FOLDER).glob("*") if path.suffix in SUFFIXES and path.is_file()))


def find_workflow(root: Path, name: str) -> Path:
    """Return the file of a workflow: by its name without suffix, its file name, or its path.

    Raises:
        Refused: there is none.
    """
    paths = workflow_paths(root)
    for path in paths:
        if name in {path.stem, path.name, path.relative_to(root).as_posix()}:
            return path
    near = difflib.get_close_matches(name, [path.stem for path in paths], 1)
    known = ", ".join(path.stem for path in paths) or f"none in {FOLDER}"
    raise Refused(f"no workflow {name!r}", f"did you mean {near[0]}?" if near else f"workflows: {known}")


def read_workflow(path: Path, root: Path) -> Workflow:
    """Read a workflow file.

    Raises:
        YamlError: it is malformed.
        OpsError: it can't be read.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise OpsError(f"{path.relative_to(root)} can't be read: {error}") from error
    return parse_workflow(text, path, path.relative_to(root).as_posix())


def parse_workflow(text: str, path: Path, file: str) -> Workflow:
    """Return the workflow of a file's text; `file` is its name in errors.

    Raises:
        YamlError: it is malformed.
    """
    root = parse_yaml(text, file)
    keys = root.known_items(WORKFLOW_KEYS, "a workflow")
    if "on" not in keys:
        raise root.error("a workflow has a key `on`: the events that start it")
    if "jobs" not in keys:
        raise root.error("a workflow has a key `jobs`")
    jobs = tuple(_job(name, node) for name, node in keys["jobs"].items())
    check_expressions(root, WORKFLOW)
    if not jobs:
        raise keys["jobs"].error("a workflow has at least one job")
    _check_permissions(keys.get("permissions"))
    name = keys["name"].text() if "name" in keys else ""
    return Workflow(path, name or file, triggers(keys["on"]), jobs, _call_interface(keys["on"]))


def triggers(node: Node) -> tuple[str, ...]:
    """Return the events of `on`: one name, a list, or a mapping."""
    if isinstance(node.value, dict):
        found = [(name, value if value.value else node) for name, value in node.items()]
    else:
        found = [(item.text(), item) for item in (node if isinstance(node.value, list) else (node,))]
    for name, place in found:
        if name not in EVENTS:
            raise place.error(f"GitHub has no event {name!r}", _near(name, EVENTS))
    return tuple(name for name, _ in found)


def read_steps(node: Node) -> tuple[JobStep, ...]:
    """Return the steps of a job or of a composite action.

    Raises:
        YamlError: a step has neither `run` nor `uses`, or both.
    """
    return tuple(_step(item) for item in node)


def _near(name: str, known: frozenset[str]) -> str | None:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else None


def _check_permissions(node: Node | None) -> None:
    if node is None:
        return
    if not isinstance(node.value, dict):
        if node.text() not in EVERYTHING:
            raise node.error(f"permissions are a mapping, or {' or '.join(sorted(EVERYTHING))}")
        return
    for scope, level in node.known_items(SCOPES, "permissions").items():
        if level.text() not in LEVELS:
            raise level.error(f"permission {scope!r} is {', '.join(sorted(LEVELS))}, not {level.text()!r}")


def _job(job_id: str, node: Node) -> Job:
    if not JOB_ID.fullmatch(job_id):
        raise node.error(
            f"bad job id {job_id!r}", "less than 100 letters, digits, '-' and '_'; no digit, '-' or '__' at its start"
        )
    calls = isinstance(node.value, dict) and "uses" in node.value
    keys = node.known_items(
        CALL_KEYS if calls else JOB_KEYS, f"job {job_id!r}{' that calls a workflow' if calls else ''}"
    )
    _check_permissions(keys.get("permissions"))
    if "uses" not in keys and ("runs-on" not in keys or "steps" not in keys):
        raise node.error(f"job {job_id!r} has neither `uses` nor both `runs-on` and `steps`")

    def text(name: str) -> str:
        return _text_or(keys.get(name), "name", "group", "image")

    services = keys.get("services")
    return Job(
        id=job_id,
        line=node.place.line,
        name=text("name"),
        needs=_texts(keys.get("needs")),
        need_lines=_lines(keys.get("needs")),
        condition=text("if"),
        runs_on=_texts(keys.get("runs-on")),
        matrix=read_matrix(keys.get("strategy")),
        steps=read_steps(keys["steps"]) if "steps" in keys else (),
        services=tuple(_service(name, value) for name, value in services.items()) if services else (),
        container=text("container"),
        environment=text("environment"),
        uses=text("uses"),
        given=CallInterface(_given(keys, "with"), _given(keys, "secrets")),
        inherits_secrets="secrets" in keys and keys["secrets"].value == "inherit",
        timeout_minutes=text("timeout-minutes"),
        concurrency=text("concurrency"),
    )


def _call_interface(on: Node) -> CallInterface:
    call = on.value.get("workflow_call") if isinstance(on.value, dict) else None

    def required(name: str) -> dict[str, bool]:
        found = call.get(name) if call is not None and isinstance(call.value, dict) else None
        return {key: _is_required(value) for key, value in found.items()} if found and found.value else {}

    return CallInterface(required("inputs"), required("secrets"))


def _is_required(node: Node) -> bool:
    keys = dict(node.items()) if node.value else {}
    return "required" in keys and keys["required"].value is True and "default" not in keys


def _given(keys: dict[str, Node], name: str) -> dict[str, bool]:
    return {key: True for key, _ in keys[name].items()} if name in keys and isinstance(keys[name].value, dict) else {}


def _step(node: Node) -> JobStep:
    keys = node.known_items(STEP_KEYS, "a step")
    concurrent = next((name for name in CONCURRENT_STEPS if name in keys), "background" if "background" in keys else "")
    if ("run" in keys) == ("uses" in keys) and concurrent not in CONCURRENT_STEPS:
        raise keys.get("uses", node).error("a step has either `run` or `uses`")

    def text(name: str) -> str:
        return keys[name].text() if name in keys else ""

    tolerated = text("continue-on-error") not in {"", "false"}
    given = keys["with"].scalars() if "with" in keys else {}
    named = text("name"), text("uses"), text("run"), text("if")
    return JobStep(node.place.line, *named, tolerated, text("id"), concurrent, given)


def _service(name: str, node: Node) -> ServiceContainer:
    if isinstance(node.value, str) and node.value:
        return ServiceContainer(name, node.value, node.place.line)
    keys = dict(node.items())
    if "image" not in keys:
        raise node.error(f"service {name!r} has no `image`")
    environment = {key: value.text() for key, value in keys["env"].items()} if "env" in keys else {}
    options = keys["options"].text() if "options" in keys else ""
    return ServiceContainer(
        name,
        keys["image"].text(),
        node.place.line,
        environment,
        _texts(keys.get("ports")),
        _texts(keys.get("volumes")),
        options,
    )


def _texts(node: Node | None) -> tuple[str, ...]:
    """Return one text or a list of texts; of a mapping (`runs-on: {group: …}`) its values."""
    if node is None:
        return ()
    if isinstance(node.value, dict):
        return tuple(text for _, value in node.items() for text in _texts(value))
    return tuple(item.text() for item in node) if isinstance(node.value, list) else (node.text(),)


def _lines(node: Node | None) -> tuple[int, ...]:
    if node is None:
        return ()
    return tuple(item.place.line for item in (node if isinstance(node.value, list) else (node,)))


def _text_or(node: Node | None, *names: str) -> str:
    """Return a scalar, or of a mapping the value of the first of the names that it has."""
    if node is None:
        return ""
    if not isinstance(node.value, dict):
        return node.text()
    found = next((node.value[name] for name in names if name in node.value), None)
    return "" if found is None else found.text()
