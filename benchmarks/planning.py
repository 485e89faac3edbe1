"""Planning: how long a plan of a large stack takes, and how much memory, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.unit.stacks import replica

from benchmarks.platform_under_test import ROOT
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State, sorted_state
from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.step import Plan
from optimus_ops.reports.measurement import Objective

SERVICES, REPLICAS = 50, 500
LIMIT_MS, LIMIT_MB = 100, 100
BALANCER, DATABASE = "nginx-lb", "postgres"
NOTE = paragraph(
    f"A stack of {SERVICES} services, {SERVICES - 2} of them scalable, with {REPLICAS} replicas. `scale`: each "
    "scalable service gets one replica more or one less. `deploy`: all replicas of all scalable services are "
    "replaced, one after the other. Timed is from the merged Compose model to the plan's text. Memory is the most "
    "that a fresh Python process held resident while it made both plans again and again, with all that `invoke` "
    "imports for them. MB are 10^6 bytes."
)


def measure(repetitions: int) -> Blocks:
    """Plan in a process of its own, and make figures of its output."""
    result = plan_in(ROOT, repetitions)
    objectives = []
    for plan, seconds in result["seconds"].items():
        name = f"Plan of {plan}, {SERVICES} services and {REPLICAS} replicas"
        longest = f"the longest {1e3 * max(seconds):.0f} ms; {result['steps'][plan]} steps"
        basis = f"median of {repetitions}, {longest}"
        objectives.append(Objective(name, "at most", LIMIT_MS, 1e3 * median(seconds), "ms", basis))
    memory = result["bytes"] / 1e6
    most = Objective("Memory of the process that planned", "at most", LIMIT_MB, memory, "MB", "most resident memory")
    return *objectives, most, NOTE, samples(result["seconds"])


def plan_in(checkout: Path, repetitions: int) -> dict[str, Any]:
    """Plan in a process of a checkout, with its own environment; return what `main` prints."""
    command = [str(checkout / ".venv" / "bin" / "python"), "-m", "benchmarks.planning", str(repetitions)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"planning failed: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def document() -> dict[str, Any]:
    """Return the merged model of a large stack: a balancer, a database, and services behind and before them."""
    database = {"image": "postgres:17", "healthcheck": {"test": ["CMD", "true"]}}
    balancer = {"image": "nginx:1.30", "ports": [{"target": 8000, "published": "18000", "host_ip": "127.0.0.1"}]}
    services = {name: service(name) for name in (f"service-{number}" for number in range(1, SERVICES - 1))}
    return {"name": "large", "services": {DATABASE: database, BALANCER: balancer, **services}}


def service(name: str) -> dict[str, Any]:
    """Return the model of a scalable service."""
    return {
        "image": f"large/{name}:2",
        "labels": {"com.optimus.scalable": "true"},
        "environment": {"PORT": "8000", **{f"SETTING_{name}": str(name) for name in range(20)}},
        "depends_on": {DATABASE: {"condition": "service_healthy"}},
        "stop_grace_period": "1m20s",
        "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "268435456"}}},
    }


def state(stack: Stack) -> State:
    """Return what runs, of an older image: one of balancer and database, the rest spread over the scalable services."""
    names = [DATABASE, BALANCER]
    names += [stack.scalable[number % len(stack.scalable)] for number in range(REPLICAS - len(names))]
    numbered = [(name, names[:at].count(name) + 1) for at, name in enumerate(names)]
    older = {"image": "large/old:1", "image_id": "sha256:old"}
    replicas = [replica(name, number, id=f"{name}-{number}", **older) for name, number in numbered]
    return sorted_state(stack.project, replicas)


def plans(model: dict[str, Any]) -> dict[str, Callable[[], Plan]]:
    """Return name -> how it is planned, from the merged model on."""
    first = parsed(model)
    now = state(first)
    around = ObservedInputs({name: f"sha256:{name}" for name in first.images})
    counts = {name: len(now.of(name)) + (1 if at % 2 else -1) for at, name in enumerate(first.scalable)}
    return {
        "scale": lambda: plan_scale(parsed(model), now, ScaleRequest(counts), around),
        "deploy": lambda: plan_deploy(parsed(model), now, RolloutSpec(first.scalable), around),
    }


def parsed(model: dict[str, Any]) -> Stack:
    """Make a stack of the model."""
    return parse_stack(model, balancer=BALANCER, migrations="migrations")


def main() -> int:
    """Plan again and again; print how long it took and how much memory, as JSON."""
    repetitions = int(sys.argv[1])
    seconds: dict[str, list[float]] = {}
    steps: dict[str, int] = {}
    for name, plan in plans(document()).items():
        seconds[name] = []
        for _ in range(repetitions):
            started = time.perf_counter()
            made = plan()
            plan_text(made)
            seconds[name].append(time.perf_counter() - started)
            steps[name] = len(made.steps)
    print(json.dumps({"seconds": seconds, "steps": steps, "bytes": most_resident()}))
    return 0


def most_resident() -> int:
    """Return the most bytes that this process has held resident; `getrusage` would count what its parent held, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())
