"""What a generator is told, by a private file: nothing of it is in arguments, since it holds keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import FlowKey

VARIABLE = "OPTIMUS_LOAD_TEST"
"""Names the file."""


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """The share of a load that one worker makes.

    Args:
        bases: class -> URL of its service.
        paths: class -> path, of requests that are for a path only.
        connections: of this worker, for its arrivals of one tenant.
        data: the platform's own, such as keys.
    """

    bases: Mapping[str, str]
    flows: tuple[Flow, ...]
    seconds: float
    timeout: float
    connections: int
    worker: int = 0
    workers: int = 1
    paths: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    records: int = -1  # file descriptor to write records to
    begin: int = -1  # file descriptor from which comes when to begin

    def document(self) -> dict[str, Any]:
        """Return it as a document."""
        flows = [
            {
                "class": flow.key.request_class,
                "tenant": flow.key.tenant,
                "stages": [[stage.at, stage.rate] for stage in flow.stages],
                "users": flow.users,
                "pause": flow.pause,
            }
            for flow in self.flows
        ]
        names = ("seconds", "timeout", "connections", "worker", "workers", "records", "begin")
        return {
            "bases": dict(self.bases),
            "paths": dict(self.paths),
            "data": dict(self.data),
            "flows": flows,
            **{name: getattr(self, name) for name in names},
        }


def read_spec(path: Path) -> GeneratorSpec:
    """Read the file that a run wrote."""
    found = json.loads(path.read_text("utf-8"))
    flows = tuple(
        Flow(
            FlowKey(flow["class"], flow["tenant"]),
            tuple(Stage(at, rate) for at, rate in flow["stages"]),
            flow["users"],
            flow["pause"],
        )
        for flow in found.pop("flows")
    )
    return GeneratorSpec(flows=flows, **found)
