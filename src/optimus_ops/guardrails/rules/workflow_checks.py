"""What is wrong with a workflow or an action of GitHub; where zizmor has a name for a check, it is that.

Source: https://docs.github.com/en/actions/reference/security/secure-use
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place

Found = tuple[Place, Node | None, str]
"""Where, which value (None: what lacks one), and what is wrong."""
Check = Callable[[Node], Iterator[Found]]
PINNED = re.compile(r"[^@\s]+@(?:[0-9a-f]{40}|[0-9a-f]{64})|docker://[^@\s]+@sha256:[0-9a-f]{64}")
OWN = ("./", "$/")
"""Actions of the same repository are of the same commit."""
DANGEROUS = ("pull_request_target", "workflow_run")
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
INDEX = re.compile(r"\s*\[\s*'([\w-]+)'\s*\]")
TEXT = re.compile(r"'(?:[^']|'')*'")
CHOSEN = re.compile(
    r"\b(?:matrix|strategy|runner|job)\b(?:\.[\w-]+)*|\bgithub\.(?:sha|run_id|run_number|run_attempt|repository"
    r"|repository_owner|repository_id|workspace|action_path|event_name|job|server_url|api_url)\b",
    re.IGNORECASE,
)
"""What nobody can give another text to from outside."""
CONTEXT = re.compile(r"\b(?:github|inputs|steps|needs|env|vars|jobs)\b(?!\s*\()[^\s,()|&=!<>]*", re.IGNORECASE)
SECRET = re.compile(r"\bsecrets\b|\bgithub\s*\.\s*token\b", re.IGNORECASE)
LOGIC = re.compile(r"[;|&`\n]|\$\(")
CHECKOUT = re.compile(r"actions/checkout@", re.IGNORECASE)


def _mapping(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, Mapping) else {}


def _jobs(root: Node) -> Iterator[tuple[str, Place, Node]]:
    jobs = _mapping(root).get("jobs")
    for name, job in _mapping(jobs).items():
        yield name, jobs.key_places.get(name, job.place) if jobs is not None else job.place, job


def _steps(root: Node) -> Iterator[Node]:
    holders = [job for _, _, job in _jobs(root)] + [found for key, found in _mapping(root).items() if key == "runs"]
    for holder in holders:
        steps = _mapping(holder).get("steps")
        yield from steps.value if steps is not None and isinstance(steps.value, list) else ()


def _texts(root: Node) -> Iterator[Node]:
    """Give what a shell or an interpreter runs."""
    for step in _steps(root):
        keys = _mapping(step)
        found = [keys.get("run"), _mapping(keys.get("with")).get("script")]
        yield from (node for node in found if node is not None and isinstance(node.value, str))


def _unpinned(root: Node) -> Iterator[Found]:
    for holder in (*(job for _, _, job in _jobs(root)), *_steps(root)):
        uses = _mapping(holder).get("uses")
        if uses is not None and not uses.text().startswith(OWN) and not PINNED.fullmatch(uses.text()):
            yield uses.place, uses, f"{uses.text()} is no commit"


def _permissions(root: Node) -> Iterator[Found]:
    top = _mapping(root).get("permissions")
    jobs = [(place, name, _mapping(job).get("permissions")) for name, place, job in _jobs(root)]
    for node in (top, *(own for _, _, own in jobs)):
        if node is not None and isinstance(node.value, str):
            yield node.place, node, f"grants {node.text()}"
    for name, node in _mapping(top).items():
        if node.text() == "write":
            yield node.place, node, f"grants {name}: write to all jobs"
    if top is None:
        yield from (
            (place, None, f"{name} has what the repository's default grants")
            for place, name, own in jobs
            if own is None
        )


def _job_permissions(root: Node) -> Iterator[Found]:
    top = _mapping(root).get("permissions")
    for name, node in _mapping(top).items():
        yield node.place, node, f"{name}: {node.text()} is granted to all jobs"
    for name, place, job in _jobs(root):
        if "permissions" not in _mapping(job):
            yield place, None, f"{name} does not say which rights it needs"


def _triggers(root: Node) -> Iterator[Found]:
    events = _mapping(root).get("on")
    if events is None:
        return
    if isinstance(events.value, Mapping):
        named = [(name, events.key_places.get(name, events.place), None) for name in events.value]
        yield from ((place, node, f"runs upon {name}") for name, place, node in named if name in DANGEROUS)
        return
    for node in events.value if isinstance(events.value, list) else [events]:
        if node.text() in DANGEROUS:
            yield node.place, node, f"runs upon {node.text()}"


def _timeouts(root: Node) -> Iterator[Found]:
    for name, place, job in _jobs(root):
        if not {"timeout-minutes", "uses"} & _mapping(job).keys():
            yield place, None, f"{name} may run for six hours"


def _expressions(root: Node) -> Iterator[tuple[Node, int, str]]:
    """Give the expressions in what a shell runs, and where each begins."""
    for node in _texts(root):
        yield from ((node, found.start(), found[1]) for found in EXPRESSION.finditer(node.value))


def _injection(root: Node) -> Iterator[Found]:
    for node, offset, expression in _expressions(root):
        # A text may be the name of a property: github['head_ref'].
        named = INDEX.sub(r".\1", expression)
        found = CONTEXT.search(CHOSEN.sub("", TEXT.sub("", named)))
        if found and not SECRET.search(named):
            yield node.place_at(offset), None, f"{found[0]} becomes a part of the program"


def _secrets(root: Node) -> Iterator[Found]:
    for node, offset, expression in _expressions(root):
        if SECRET.search(INDEX.sub(r".\1", expression)):
            yield node.place_at(offset), None, f"a secret becomes a part of the program: {' '.join(expression.split())}"


def _inherited(root: Node) -> Iterator[Found]:
    for name, _, job in _jobs(root):
        node = _mapping(job).get("secrets")
        if node is not None and not isinstance(node.value, Mapping | list) and node.text() == "inherit":
            yield node.place, node, f"{name} hands all secrets on"


def _credentials(root: Node) -> Iterator[Found]:
    for step in _steps(root):
        uses, given = _mapping(step).get("uses"), _mapping(_mapping(step).get("with")).get("persist-credentials")
        if uses is not None and CHECKOUT.match(uses.text()) and (given is None or given.text() != "false"):
            yield uses.place, uses, "the checkout keeps its credentials"


def _logic(root: Node) -> Iterator[Found]:
    for step in _steps(root):
        run = _mapping(step).get("run")
        if run is not None and LOGIC.search(run.text().strip()):
            yield run.place, run, "a step is more than one command"


CHECKS: Mapping[str, Check] = {
    "unpinned-uses": _unpinned,
    "excessive-permissions": _permissions,
    "job-permissions": _job_permissions,
    "dangerous-triggers": _triggers,
    "missing-timeout": _timeouts,
    "template-injection": _injection,
    "secrets-in-run": _secrets,
    "secrets-inherit": _inherited,
    "artipacked": _credentials,
    "several-commands": _logic,
}
