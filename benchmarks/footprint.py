"""Footprint: resident memory of idle Python replicas, and what the service images add to their base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from benchmarks.figures import Figure, Target
from benchmarks.section import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.platform_under_test import Engine, Platform

MEMORY = Target(120, "MB")
IMAGE = Target(250, "MB")
PYTHON = ("ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker")
NOTES = (
    (
        "Resident memory is the sum of RSS over all processes of the container, as `docker top` tells it; pages that "
        "processes share count for each. `docker stats` tells the control group's memory without inactive page cache."
    ),
    "An image's size over its base is that of its own layers, uncompressed. MB are 10^6 bytes.",
)


@dataclass(frozen=True)
class Replica:
    """The memory of one idle replica, in bytes.

    Args:
        service: what it is.
        resident: RSS over its processes.
        charged: what `docker stats` shows.
        processes: how many.
    """

    service: str
    resident: int
    charged: int
    processes: int


@dataclass(frozen=True)
class Image:
    """A service's image, in bytes.

    Args:
        name: of the image.
        base: name of its base.
        size: all of it.
        added: without the base; None if the base is not on this machine as an image of its own.
    """

    name: str
    base: str
    size: int
    added: int | None


def measure(stack: Platform, idle: float) -> Part:
    """Measure a stack that has been idle.

    Args:
        stack: it runs.
        idle: for so many seconds.
    """
    replicas = [replica(stack.engine, service, found) for service in PYTHON for found in stack.ready(service)]
    found = images(stack.engine, stack.document()["services"])
    return part(replicas, found, idle)


def replica(engine: Engine, service: str, container: Mapping[str, Any]) -> Replica:
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


def images(engine: Engine, services: Mapping[str, Any]) -> list[Image]:
    """Measure the images that the stack's Python services are built to."""
    pairs = {services[name]["image"]: services[name]["build"]["args"]["PYTHON_IMAGE"] for name in PYTHON}
    return [image(engine, name, base) for name, base in sorted(pairs.items())]


def image(engine: Engine, name: str, base: str) -> Image:
    """Measure an image over its base."""
    whole = engine.api.inspect_image(name)
    try:
        below = engine.api.inspect_image(base)
    except NotFound:
        return Image(name, base, whole["Size"], None)
    layers = below["RootFS"]["Layers"]
    built_on_it = whole["RootFS"]["Layers"][: len(layers)] == layers
    return Image(name, base, whole["Size"], whole["Size"] - below["Size"] if built_on_it else None)


def part(replicas: list[Replica], found: list[Image], idle: float) -> Part:
    """Make figures of them: one for each service, one for each image."""
    figures = [memory_figure(service, [one for one in replicas if one.service == service], idle) for service in PYTHON]
    figures += [image_figure(one) for one in found]
    return Part("footprint", tuple(figures), {"replicas": shown(replicas), "images": shown(found)}, NOTES)


def memory_figure(service: str, replicas: list[Replica], idle: float) -> Figure:
    """Make the figure of a service: its biggest replica."""
    what = f"Resident memory of an idle `{service}` replica"
    if not replicas:
        return Figure(what, None, MEMORY, "no replica")
    most = max(replicas, key=lambda one: one.resident)
    number = f"biggest of {len(replicas)}, " if len(replicas) > 1 else ""
    basis = f"{number}{idle:.0f} s idle, {most.processes} processes (`docker stats`: {most.charged / 1e6:.0f} MB)"
    return Figure(what, most.resident / 1e6, MEMORY, basis)


def image_figure(one: Image) -> Figure:
    """Make the figure of an image."""
    what = f"`{one.name.rpartition('/')[2].partition(':')[0]}` image over its base"
    if one.added is None:
        return Figure(what, None, IMAGE, f"the `{one.base}` that it was built on is not on this machine")
    return Figure(what, one.added / 1e6, IMAGE, f"{one.size / 1e6:.0f} MB in all, on `{one.base}`")


def shown(found: list[Replica] | list[Image]) -> list[dict[str, Any]]:
    """Return the numbers as they stand in the JSON file."""
    return [dict(vars(one)) for one in found]
