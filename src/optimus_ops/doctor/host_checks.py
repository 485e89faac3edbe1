"""Checks of the host: engine, tools, disk, memory, cores, clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from optimus_ops.checks.model import Check
from optimus_ops.text.units import age, cores, size

if TYPE_CHECKING:
    from optimus_ops.doctor.model import EngineFacts
    from optimus_ops.model.stack import Stack

HOST = "host"
GIB = 1024**3
DISK_NEEDED = 3 * GIB
"""Base images, service images, build cache and a young database."""
DISK_COMFORTABLE = 8 * GIB
SKEW_SECONDS = 5.0
OLDEST_COMPOSE = (2, 20)
"""Health checks' start interval, `deploy` limits, includes."""
INSTALL = "install it: python3 scripts/bootstrap.py --with-docker invoke doctor"
SET_CLOCK = "timedatectl set-ntp true"


def check_engine(engine: EngineFacts | None, why: str = "") -> Check:
    """Check that an engine answers."""
    if engine is None:
        found = why or "no Docker engine answers"
        return Check(HOST, "engine", "failed", found, f"start or {INSTALL}", prerequisite=True)
    found = f"Docker {engine.version}: {engine.cpus} cores, {size(engine.memory)} memory"
    return Check(HOST, "engine", "ok", found)


def check_plugin(name: str, version: str | None, oldest: tuple[int, ...] = ()) -> Check:
    """Check that a plug-in of the command line is installed, and not too old."""
    if version is None:
        return Check(HOST, name, "failed", f"`docker {name}` is missing", INSTALL, prerequisite=True)
    if version_of(version) < oldest:
        found = f"{name} {version} is older than {'.'.join(map(str, oldest))}"
        return Check(HOST, name, "failed", found, INSTALL, prerequisite=True)
    return Check(HOST, name, "ok", f"{name} {version}")


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `v2.26.1-4` gives (2, 26, 1)."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def check_disk(folder: str, free: int | None) -> Check:
    """Check the free space where the engine keeps its data; None where it can't be read from here."""
    if free is None:
        hint = "look at it on the engine's host: df -h"
        return Check(HOST, "disk", "warning", f"{folder} can't be seen from here", hint)
    found = f"{size(free)} free in {folder}"
    if free < DISK_NEEDED:
        hint = f"{size(DISK_NEEDED)} are needed: docker system prune"
        return Check(HOST, "disk", "failed", found, hint, prerequisite=True)
    if free < DISK_COMFORTABLE:
        return Check(HOST, "disk", "warning", found, f"{size(DISK_COMFORTABLE)} are comfortable: docker system prune")
    return Check(HOST, "disk", "ok", found)


def check_memory(stack: Stack, total: int, available: int | None) -> Check:
    """Check the host's memory against the limits of all services with their default replicas."""
    limits = sum(
        (service.memory or 0) * service.default_replicas
        for name, service in stack.services.items()
        if name not in stack.jobs
    )
    free = f", {size(available)} available" if available is not None else ""
    found = f"{size(total)} of memory{free}; limits of all services add up to {size(limits)}"
    if limits > total:
        hint = "it is enough while not all are busy; lower limits to be sure"
        return Check(HOST, "memory", "warning", found, hint)
    return Check(HOST, "memory", "ok", found)


def check_cores(stack: Stack, cpus: int) -> Check:
    """Check the host's cores: an engine refuses a container whose limit is above what its host has."""
    services = stack.services.items()
    above = [f"{name} ({cores(service.cpus)})" for name, service in services if service.cpus and service.cpus > cpus]
    if above:
        found = f"{cpus} cores, but limits above that: {', '.join(above)}"
        hint = "lower their limits (deploy.resources.limits.cpus), or use a larger host"
        return Check(HOST, "cores", "failed", found, hint, prerequisite=True)
    return Check(HOST, "cores", "ok", f"{cpus} cores, no service's limit is above that")


def check_clock(engine: EngineFacts | None, behind: float) -> Check:
    """Check the clock: tokens, certificates and rate limits depend on it.

    `behind` are the seconds by which it is behind the newest file of the checkout; 0 or less if it isn't.
    """
    if behind > SKEW_SECONDS:
        found = f"the clock is {age(behind)} behind the newest file of the checkout"
        return Check(HOST, "clock", "failed", found, f"set it: {SET_CLOCK}")
    if engine is not None and abs(engine.clock) > SKEW_SECONDS:
        found = f"the engine's clock differs by {age(abs(engine.clock))}"
        return Check(HOST, "clock", "warning", found, f"set both from one source: {SET_CLOCK}")
    return Check(HOST, "clock", "ok", "plausible" if engine is None else "plausible, and the engine's agrees")
