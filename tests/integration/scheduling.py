"""Which tests stay on one worker: those that share a stack. Every other test goes wherever a worker is free.

A stack that many modules share is there twice: one worker with all of them would be busy for longer than all others.

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
PARTS = 2
"""Among how many workers, each with one of its own, the modules of such a stack are shared out."""


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
    taken = _each(nodeids, seconds)
    together: dict[str, list[str]] = {}
    for nodeid, name in units(nodeids, seconds).items():
        together.setdefault(name, []).append(nodeid)

    def length(tests: list[str]) -> float:
        return sum(taken[nodeid] for nodeid in tests)

    return [nodeid for tests in sorted(together.values(), key=length, reverse=True) for nodeid in tests]


def units(nodeids: Collection[str], seconds: Mapping[str, float]) -> dict[str, str]:
    """Return test -> unit, the modules of a stack in parts that take about as long; for arguments see `order`."""
    found = {nodeid: unit(nodeid) for nodeid in nodeids}
    taken = _each(nodeids, seconds)
    for stack in STACKS:
        modules: dict[str, list[str]] = {}
        for nodeid in (nodeid for nodeid in nodeids if found[nodeid] == stack):
            modules.setdefault(_file(nodeid), []).append(nodeid)
        parts: list[list[str]] = [[] for _ in range(PARTS)]
        for tests in sorted(modules.values(), key=lambda tests: -sum(taken[nodeid] for nodeid in tests)):
            min(parts, key=lambda part: (sum(taken[nodeid] for nodeid in part), len(part))).extend(tests)
        found |= {nodeid: f"{stack} {number}" for number, part in enumerate(parts, 1) for nodeid in part}
    return found


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
        self.units: dict[str, str] = {}

    def schedule(self) -> None:
        """Choose the units when all workers have collected, and hand out the first of them."""
        if not self.units:
            self.units = units(next(iter(self.registered_collections.values())), recorded_seconds())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self.units[nodeid]


def _each(nodeids: Collection[str], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return test -> the seconds of its file, which its tests take alike; what is not known may take long."""
    in_file = Counter(map(_file, nodeids))
    return {nodeid: seconds.get(_file(nodeid), math.inf) / in_file[_file(nodeid)] for nodeid in nodeids}


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
