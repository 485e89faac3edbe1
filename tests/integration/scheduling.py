"""Which tests stay on one worker: those that share a stack. Every other test goes wherever a worker is free.

What takes longest begins first, so that all workers end at about the same time: by the times of the last whole run that
is recorded (`python -m benchmarks.recorded_timings`). What is not recorded may take long, and comes before all others.
"""

from __future__ import annotations

import ast
import functools
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.recorded_timings import read_recorded
from xdist.scheduler import LoadScopeScheduling

FOLDER = Path(__file__).parent
STACKS = ("rolling", "platform")
"""Session fixtures: a stack for tests of several modules."""


@dataclass(frozen=True)
class Function:
    """A test or a fixture: the names of its parameters, and of a fixture the scope."""

    parameters: tuple[str, ...]
    scope: str


def unit(nodeid: str) -> str:
    """Return the name of what a test belongs to: a stack, a module and its fixture, or the test alone."""
    path, _, test = nodeid.partition("::")
    module = Path(path).name
    known = {**_functions("conftest.py"), **_functions(module)}
    shared = _shared_fixtures(test.partition("[")[0], known)
    stack = next((name for name in STACKS if name in shared), "")
    if stack:
        return stack
    own = sorted(name for name in shared if name in _functions(module))
    return " ".join([module, *own]) if own else nodeid


def order(nodeids: Collection[str], seconds: Mapping[str, float]) -> list[str]:
    """Return tests in the order in which they shall begin, those of a unit together and the longest unit first.

    Args:
        nodeids: the tests.
        seconds: file -> what its tests take together.
    """
    in_file = Counter(map(_file, nodeids))
    units: dict[str, list[str]] = {}
    for nodeid in nodeids:
        units.setdefault(unit(nodeid), []).append(nodeid)

    def length(tests: list[str]) -> float:
        return sum(seconds.get(_file(nodeid), math.inf) / in_file[_file(nodeid)] for nodeid in tests)

    return [nodeid for tests in sorted(units.values(), key=length, reverse=True) for nodeid in tests]


def recorded_seconds() -> Mapping[str, float]:
    """Return what the tests of each file took in the last whole run that is recorded."""
    return read_recorded().sessions["integration"].files


class StackScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out units in the order in which workers have collected them.

    xdist's own `--dist=loadgroup` writes the group into the ids of tests, which pytest 9.2 has elsewhere.
    """

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _shared_fixtures(name: str, known: Mapping[str, Function]) -> set[str]:
    """Return the fixtures that a function needs, itself or through others, and that outlast a test."""
    function = known.get(name)
    if function is None:
        return set()
    own = {name} if function.scope in {"module", "session"} else set()
    return own.union(*(_shared_fixtures(parameter, known) for parameter in function.parameters))


@functools.cache
def _functions(module: str) -> dict[str, Function]:
    """Return the functions of a module of this folder; of other folders' modules none."""
    path = FOLDER / module
    tree = ast.parse(path.read_text("utf-8") if path.is_file() else "")
    return {
        node.name: Function(tuple(argument.arg for argument in node.args.args), _scope(node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def _scope(function: ast.FunctionDef) -> str:
    keywords = [word for made in function.decorator_list if isinstance(made, ast.Call) for word in made.keywords]
    values = [word.value for word in keywords if word.arg == "scope"]
    return next((str(value.value) for value in values if isinstance(value, ast.Constant)), "function")
