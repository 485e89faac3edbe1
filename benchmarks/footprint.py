"""Footprint: resident memory of idle Python replicas, and what the service images add to their base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from benchmarks.platform_under_test import Engine, Platform
from benchmarks.section import Blocks, paragraph
from optimus_ops.reports.measurement import Objective

MEMORY_MB, IMAGE_MB = 120, 250
PYTHON = ("ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker")
NOTES = (
    paragraph(
        "Resident memory is the sum of RSS over all processes of the container, as `docker top` tells it; pages that "
        "processes share count for each. `docker stats` tells the control group's memory without inactive page cache."
    ),
    paragraph("An image's size over its base is that of its own layers, uncompressed. MB are 10^6 bytes."),
)


@dataclass(frozen=True)
class Replica:
    """The memory of one idle replica, in bytes: RSS over its processes, and what `docker stats` shows."""

    service: str
    resident: int
    charged: int
    processes: int


@dataclass(frozen=True)
class Image:
    """A service's image, in bytes; what it adds is None if its base is not on this machine as an image of its own."""

    name: str
    base: str
    size: int
    added: int | None


def measure(stack: Platform, idle: float) -> Blocks:
    """Measure a stack that has been idle for so many seconds."""
    replicas = [observe_replica(stack.engine, service, found) for service in PYTHON for found in stack.ready(service)]
    services = stack.document()["services"]
    pairs = {services[name]["image"]: services[name]["build"]["args"]["PYTHON_IMAGE"] for name in PYTHON}
    images = [observe_image(stack.engine, name, base) for name, base in sorted(pairs.items())]
    return section(replicas, images, idle)


def observe_replica(engine: Engine, service: str, container: Mapping[str, Any]) -> Replica:
    """Read a container's memory."""
    resident, processes = resident_bytes(engine.api.top(container["Id"], ps_args="-eo pid,rss,comm"))
    stats = engine.api.stats(container["Id"], stream=False, one_shot=True)["memory_stats"]
    return Replica(service, resident, charged_bytes(stats), processes)


def resident_bytes(top: Mapping[str, Any]) -> tuple[int, int]:
    """Return the RSS over all processes, and their number, from what the engine's `top` says (KiB per process)."""
    column = [title.upper() for title in top["Titles"]].index("RSS")
    numbers = [int(process[column]) * 1024 for process in top["Processes"]]
    return sum(numbers), len(numbers)


def charged_bytes(stats: Mapping[str, Any]) -> int:
    """Return the memory as `docker stats` shows it: without the inactive page cache (control groups v2 and v1)."""
    details = stats.get("stats", {})
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    return int(stats["usage"]) - int(cache)


def observe_image(engine: Engine, name: str, base: str) -> Image:
    """Measure an image over its base."""
    whole = engine.api.inspect_image(name)
    try:
        below = engine.api.inspect_image(base)
    except NotFound:
        return Image(name, base, whole["Size"], None)
    layers = below["RootFS"]["Layers"]
    built_on_it = whole["RootFS"]["Layers"][: len(layers)] == layers
    return Image(name, base, whole["Size"], whole["Size"] - below["Size"] if built_on_it else None)


def section(replicas: list[Replica], images: list[Image], idle: float) -> Blocks:
    """Make figures: one for each service, one for each image."""
    found = {service: [replica for replica in replicas if replica.service == service] for service in PYTHON}
    return *(memory_objective(*pair, idle) for pair in found.items()), *map(image_objective, images), *NOTES


def memory_objective(service: str, replicas: list[Replica], idle: float) -> Objective:
    """Make the figure of a service: its biggest replica."""
    name = f"Resident memory of an idle {service} replica"
    if not replicas:
        return Objective(name, "at most", MEMORY_MB, None, "MB", "no replica")
    most = max(replicas, key=lambda replica: replica.resident)
    number = f"biggest of {len(replicas)}, " if len(replicas) > 1 else ""
    basis = f"{number}{idle:.0f} s idle, {most.processes} processes (docker stats: {most.charged / 1e6:.0f} MB)"
    return Objective(name, "at most", MEMORY_MB, most.resident / 1e6, "MB", basis)


def image_objective(image: Image) -> Objective:
    """Make the figure of an image."""
    name = f"{image.name.rpartition('/')[2].partition(':')[0]} image over its base"
    basis = f"{image.size / 1e6:.0f} MB in all, on {image.base}"
    if image.added is None:
        basis = f"the {image.base} that it was built on is not on this machine"
    return Objective(name, "at most", IMAGE_MB, None if image.added is None else image.added / 1e6, "MB", basis)
