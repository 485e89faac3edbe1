"""A repository of some hundred modules in layers, with the same contracts for guardrails and for import-linter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LAYERS = ("web", "reports", "services", "store", "model", "base")
"""The highest first."""
PACKAGES, PER_PACKAGE = 15, 10
MODULES = len(LAYERS) * PACKAGES * PER_PACKAGE
FUNCTIONS = 14
POLICY = """\
version: 1
sources: [src]
rules:
  - id: layers
    kind: layers
    message: imports point downwards
    why: it is measured
    mend: move it down
    container: shop
    layers: [{layers}]
  - id: no-sockets-below
    kind: forbidden-imports
    message: no sockets below the web
    why: it is measured
    mend: hand them in
    from: [shop.model, shop.base]
    to: socket
"""
LINTER = """\
[importlinter]
root_package = shop
include_external_packages = True

[importlinter:contract:layers]
name = Layers
type = layers
containers = shop
layers =
{layers}

[importlinter:contract:sockets]
name = No sockets below
type = forbidden
source_modules =
    shop.model
    shop.base
forbidden_modules =
    socket
"""


def make_repository(root: Path) -> None:
    """Write the modules, the policy and import-linter's contracts."""
    for name, text in repository_files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def repository_files() -> Iterator[tuple[str, str]]:
    """Give path and text of each file."""
    yield "policy.yaml", POLICY.format(layers=", ".join(LAYERS))
    yield ".importlinter", LINTER.format(layers="\n".join(f"    {layer}" for layer in LAYERS))
    yield "src/shop/__init__.py", ""
    for level, layer in enumerate(LAYERS):
        yield f"src/shop/{layer}/__init__.py", ""
        for package in range(PACKAGES):
            yield f"src/shop/{layer}/p{package}/__init__.py", ""
            for module in range(PER_PACKAGE):
                yield f"src/shop/{layer}/p{package}/m{module}.py", module_text(level, package, module)


def module_text(level: int, package: int, module: int) -> str:
    """Return a module of some 170 lines that imports several of the layers below."""
    lines = ["import json", "from collections.abc import Iterable", ""]
    for below in range(level + 1, len(LAYERS)):
        other = (package * 7 + module * 3 + below) % PACKAGES
        lines.append(f"from shop.{LAYERS[below]}.p{other} import m{(module + below) % PER_PACKAGE}")
    if level == 0:
        lines.append("import socket")
    for number in range(FUNCTIONS):
        lines += FUNCTION.format(number=number).splitlines()
    return "\n".join(lines) + "\n"


FUNCTION = '''

def step_{number}(values: Iterable[int], limit: int = {number}) -> str:
    """Return what the values come to."""
    found = []
    for value in values:
        if value > limit:
            found.append(value * {number} + 1)
        else:
            found.append(limit)
    return json.dumps(found)
'''
