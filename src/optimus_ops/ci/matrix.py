"""The combinations of a job's matrix, by GitHub's rules for `include` and `exclude`."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.model import Combination, Matrix

if TYPE_CHECKING:
    from optimus_ops.project.yaml_nodes import Node

MOST_JOBS = 256
"""Combinations that GitHub runs at most for one job."""


def read_matrix(strategy: Node | None) -> Matrix:
    """Return the matrix of a job's `strategy`.

    Raises:
        YamlError: it is malformed, or has more combinations than GitHub runs.
    """
    node = None if strategy is None or not isinstance(strategy.value, dict) else strategy.get("matrix")
    if node is None:
        text = strategy.text() if strategy is not None and not isinstance(strategy.value, dict) else ""
        return Matrix((), text) if "${{" in text else Matrix()
    if dynamic := _expression(node):
        return Matrix((), dynamic)
    axes, include, exclude = {}, (), ()
    for name, values in node.items():
        if dynamic := _expression(values):
            return Matrix((), f"{name}: {dynamic}")
        rows = tuple(item.plain() for item in values)
        if name in {"include", "exclude"}:
            if not all(isinstance(row, dict) for row in rows):
                raise values.error(f"each item of `{name}` is a mapping of names to values")
            include, exclude = (rows, exclude) if name == "include" else (include, rows)
        elif not rows:
            raise values.error(f"the matrix has no value for {name!r}")
        else:
            axes[name] = rows
    found = combinations(axes, include, exclude)
    if not found:
        raise node.error("the matrix has no combination")
    if len(found) > MOST_JOBS:
        raise node.error(f"the matrix has {len(found)} combinations, GitHub runs {MOST_JOBS} at most")
    return Matrix(found)


def combinations(
    axes: dict[str, tuple[Any, ...]],
    include: tuple[Combination, ...] = (),
    exclude: tuple[Combination, ...] = (),
) -> tuple[Combination, ...]:
    """Return the combinations of a matrix.

    Excluded ones are left out first. An `include` is added to every combination of the axes of which it would change
    no value that came from an axis; where there is none, it is a combination of its own.
    """
    crossed = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    kept = [found for found in crossed if not any(_matches(found, rule) for rule in exclude)]
    extended = [dict(found) for found in kept]
    own = []
    for addition in include:
        targets = [
            extension
            for original, extension in zip(kept, extended, strict=True)
            if all(original[name] == value for name, value in addition.items() if name in original)
        ]
        for extension in targets:
            extension.update(addition)
        if not targets:
            own.append(dict(addition))
    return (*extended, *own)


def _matches(combination: Combination, rule: Combination) -> bool:
    return all(name in combination and _contains(combination[name], value) for name, value in rule.items())


def _contains(value: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one; of a mapping, whether it has the wanted keys."""
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(key in value and _contains(value[key], part) for key, part in wanted.items())
    return bool(value == wanted)


def _expression(node: Node) -> str:
    return node.value.strip() if isinstance(node.value, str) and "${{" in node.value else ""
