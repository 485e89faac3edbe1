"""Locust without its page: each worker is a process of its own, all begin at one moment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.loadtest.generator.spec import GeneratorSpec

SPAWN_RATE = 10_000
"""Users start within a moment: they wait for their requests themselves."""


def locust_command(spec: GeneratorSpec, locustfile: Path) -> Sequence[str]:
    """Return the command of one worker.

    Raises:
        MissingPrerequisite: locust is not installed.
    """
    if find_spec("locust") is None:
        raise MissingPrerequisite("locust is not installed", "python -m pip install 'optimus-ops[load-test]'")
    closed = sum(len(range(spec.worker, flow.users, spec.workers)) for flow in spec.flows)
    tenants = {flow.key.tenant for flow in spec.flows if flow.stages}
    count = closed + spec.connections * len(tenants)
    return (
        *(sys.executable, "-m", "locust", "--headless", "--locustfile", str(locustfile)),
        *("--users", str(count), "--spawn-rate", str(SPAWN_RATE), "--stop-timeout", "0"),
        *("--loglevel", "WARNING", "--skip-log-setup", "--reset-stats"),
    )
