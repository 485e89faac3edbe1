"""Which contexts and functions GitHub knows at which place of a workflow file, and the check of all its expressions.

The places are those of GitHub's documentation, "Contexts reference: context availability".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from optimus_ops.ci.expressions import UNLIMITED, ExpressionError, Scope, check_expression, embedded

if TYPE_CHECKING:
    from optimus_ops.project.yaml_nodes import Node

Path: TypeAlias = tuple[str, ...]
BASE = frozenset({"github", "inputs", "vars"})
NEEDS = BASE | {"needs"}
MATRIX = NEEDS | {"strategy", "matrix"}
RUNNING = MATRIX | {"job", "runner", "env", "steps"}
STEP = RUNNING | {"secrets"}
ACTION = BASE | {"strategy", "matrix", "job", "runner", "env", "steps"}
STATUS = {"always": (0, 0), "cancelled": (0, 0), "failure": (0, UNLIMITED), "success": (0, UNLIMITED)}
FILES = {"hashfiles": (1, UNLIMITED)}

WORKFLOW: Mapping[Path, Scope] = {
    ("run-name",): Scope(BASE, {}),
    ("concurrency",): Scope(BASE, {}),
    ("env",): Scope(BASE | {"secrets"}, {}),
    ("on", "workflow_call", "inputs", "*", "default"): Scope(BASE, {}),
    ("on", "workflow_call", "outputs", "*", "value"): Scope(BASE | {"jobs"}, {}),
    ("jobs", "*", "if"): Scope(NEEDS, STATUS),
    ("jobs", "*", "strategy"): Scope(NEEDS, {}),
    **{
        ("jobs", "*", key): Scope(MATRIX, {})
        for key in (
            *("name", "runs-on", "timeout-minutes", "cancel-timeout-minutes", "continue-on-error"),
            *("environment", "concurrency", "snapshot", "with"),
        )
    },
    ("jobs", "*", "environment", "url"): Scope(RUNNING, {}),
    ("jobs", "*", "container"): Scope(MATRIX | {"env", "secrets", "job", "runner"}, {}),
    ("jobs", "*", "services"): Scope(MATRIX | {"env", "secrets", "job", "runner"}, {}),
    ("jobs", "*", "secrets"): Scope(MATRIX | {"secrets"}, {}),
    ("jobs", "*", "env"): Scope(MATRIX | {"secrets"}, {}),
    ("jobs", "*", "defaults"): Scope(MATRIX | {"env"}, {}),
    ("jobs", "*", "outputs"): Scope(STEP, {}),
    ("jobs", "*", "steps"): Scope(STEP, FILES),
    ("jobs", "*", "steps", "*", "if"): Scope(RUNNING, STATUS | FILES),
}
COMPOSITE_ACTION: Mapping[Path, Scope] = {
    ("outputs", "*", "value"): Scope(ACTION, {}),
    ("runs", "steps"): Scope(ACTION, FILES),
    ("runs", "steps", "*", "if"): Scope(ACTION, STATUS | FILES),
}


def check_expressions(root: Node, scopes: Mapping[Path, Scope]) -> None:
    """Check the expressions of a file at all places that have a scope.

    Raises:
        YamlError: one is malformed, or names what is not known at its place.
    """
    named = {pattern[:depth] for pattern in scopes for depth in range(1, len(pattern) + 1)}
    _check(root, (), None, (scopes, named))


def _check(node: Node, path: Path, scope: Scope | None, known: tuple[Mapping[Path, Scope], set[Path]]) -> None:
    scopes, named = known
    scope = scopes.get(path, scope)
    if isinstance(node.value, Mapping):
        for key, value in node.items():
            _check(value, (*path, key if (*path, key) in named else "*"), scope, known)
    elif isinstance(node.value, list):
        for item in node:
            _check(item, (*path, "*"), scope, known)
    elif isinstance(node.value, str) and scope is not None:
        _check_text(node, node.value, scope, condition=path[-1] == "if")


def _check_text(node: Node, text: str, scope: Scope, *, condition: bool) -> None:
    try:
        found = list(embedded(text))
    except ExpressionError as error:
        raise node.error_at(error.position, str(error)) from error
    if condition and not found and text.strip():
        found = [(0, text)]
    for start, expression in found:
        if not expression.strip():
            raise node.error_at(start, "an expression is empty")
        try:
            check_expression(expression, scope)
        except ExpressionError as error:
            raise node.error_at(start + error.position, f"{error} in `{expression.strip()}`") from error
