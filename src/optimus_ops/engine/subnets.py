"""Whether the engine can make the networks whose addresses the files fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.model.subnets import subnet_problems, wanted_networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.engine.port import Engine
    from optimus_ops.model.subnets import SubnetProblem


def check_subnets(docker: Engine, document: Mapping[str, Any]) -> None:
    """Refuse a change whose networks the engine would not make, or would have to change.

    Args:
        docker: the engine.
        document: the merged model.

    Raises:
        Refused: naming each network, what is in its way, and the way out.
    """
    problems = read_problems(docker, document)
    if problems:
        hints = dict.fromkeys(problem.hint for problem in problems)
        raise Refused("\n".join(problem.found for problem in problems), "\n  ".join(hints))


def read_problems(docker: Engine, document: Mapping[str, Any]) -> tuple[SubnetProblem, ...]:
    """Return what is in the way of the networks of the merged model.

    The engine is asked only where some of them fix their addresses.
    """
    wanted = wanted_networks(document)
    return subnet_problems(wanted, docker.all_networks()) if wanted else ()
