"""Docker is behind the port: nothing outside `engine/` touches its client (imports: `policy.yaml`) or its command."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

LIBRARY = CHECKOUT / "src" / "optimus_ops"
ADAPTER = LIBRARY / "engine"


def uses_of_docker(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    uses: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "api":
            uses.add(f"line {node.lineno}: .api")
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            first = node.elts[0]
            if isinstance(first, ast.Constant) and first.value == "docker":
                uses.add(f"line {node.lineno}: a command of docker")
    return uses


@pytest.mark.parametrize("part", sorted(path.name for path in LIBRARY.iterdir() if path.name != "engine"))
def test_nothing_outside_the_adapter_uses_docker(part: str) -> None:
    paths = [LIBRARY / part] if part.endswith(".py") else sorted((LIBRARY / part).rglob("*.py"))
    found = {str(path.relative_to(LIBRARY)): uses for path in paths if (uses := uses_of_docker(path))}
    assert found == {}


def test_the_rule_sees_a_use(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('x.api.kill(1)\nrun(["docker", "ps"])\n')
    assert uses_of_docker(path) == {"line 1: .api", "line 2: a command of docker"}
    assert any(uses_of_docker(path) for path in ADAPTER.rglob("*.py"))
