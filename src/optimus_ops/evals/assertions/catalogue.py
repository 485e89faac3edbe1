"""All kinds of assertions by the key that a suite names them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optimus_ops.evals.assertions.functions import PythonFunction
from optimus_ops.evals.assertions.models import Rubric, Similar
from optimus_ops.evals.assertions.numbers import Budget, HasNumber
from optimus_ops.evals.assertions.texts import Contains, Exact, Matches, NotContains
from optimus_ops.evals.model import Assertion
from optimus_ops.project.yaml_nodes import Node


def _json_schema(node: Node) -> Assertion:
    # Its library takes a tenth of a second to import.
    from optimus_ops.evals.assertions.documents import JsonSchema  # noqa: PLC0415

    return JsonSchema.parse(node)


KINDS: Mapping[str, Callable[[Node], Assertion]] = {
    "exact": Exact.parse,
    "contains": Contains.parse,
    "not-contains": NotContains.parse,
    "regex": Matches.parse,
    "json-schema": _json_schema,
    "number": HasNumber.parse,
    "latency": Budget.seconds,
    "cost": Budget.cost,
    "tokens": Budget.tokens,
    "similar": Similar.parse,
    "judge": Rubric.parse,
    "python": PythonFunction.parse,
}
