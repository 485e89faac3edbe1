"""Conflicts between networks with fixed addresses and those that the engine has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.model.subnets import SubnetProblem, subnet_problems, wanted_networks


def check_subnets(engine: Engine, document: Mapping[str, Any]) -> None:
    """Refuse a change of a merged model whose networks the engine would not create, or would have to change."""
    if problems := read_problems(engine, document):
        hints = dict.fromkeys(problem.hint for problem in problems)
        raise Refused("\n".join(problem.found for problem in problems), "\n  ".join(hints))


def read_problems(engine: Engine, document: Mapping[str, Any]) -> tuple[SubnetProblem, ...]:
    """Return the conflicts; the engine is asked only where a network fixes its addresses."""
    wanted = wanted_networks(document)
    return subnet_problems(wanted, engine.all_networks()) if wanted else ()
