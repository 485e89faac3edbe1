"""What `invoke doctor` judges: pure functions from facts to verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import ended_badly
from optimus_ops.text.units import age, cores, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from optimus_ops.model.stack import PublishedPort, Stack
    from optimus_ops.model.state import State
    from optimus_ops.model.subnets import SubnetProblem
    from optimus_ops.secrets import Finding

GIB = 1024**3
DISK_NEEDED = 3 * GIB
"""Base images, service images, build cache and a young database."""
DISK_COMFORTABLE = 8 * GIB
SKEW_SECONDS = 5.0
INSTALL = "python3 scripts/bootstrap.py --with-docker invoke doctor"

NO_LEFTOVERS = Leftovers()

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict.

    Args:
        name: what was looked at.
        verdict: ok, warn (it works, or will) or fail.
        found: what was found.
        hint: what to do; "" where nothing is to be done.
        lacks: whether a failure means that the machine lacks something (exit code 3).
    """

    name: str
    verdict: Verdict
    found: str
    hint: str = ""
    lacks: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What the command line has: version, or None where it is missing."""

    compose: str | None
    buildx: str | None


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine says of itself.

    Args:
        version: its version.
        folder: where it keeps images, containers and volumes.
        cpus: cores it may use.
        memory: bytes of memory of its host.
        clock: its time minus ours, in seconds.
    """

    version: str
    folder: str
    cpus: int
    memory: int
    clock: float


@dataclass(frozen=True, slots=True)
class Images:
    """Which images are here, and whether the missing ones can be had.

    Args:
        missing: public images that are not on this machine.
        unbuilt: images that the project builds and that are not built yet.
        registry: whether the registries of the missing ones answer; None if nothing is missing.
    """

    missing: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()
    registry: bool | None = None


@dataclass(frozen=True, slots=True)
class Packages:
    """How the Python environment differs from the lock: names with what is there and what is locked."""

    locked: int
    different: Mapping[str, str] = field(default_factory=dict)


def check_engine(engine: EngineFacts | None, why: str = "") -> Check:
    """Judge whether an engine answers."""
    if engine is None:
        return Check("engine", "fail", why or "no Docker engine answers", f"start or install it: {INSTALL}", lacks=True)
    return Check("engine", "ok", f"Docker {engine.version}: {engine.cpus} cores, {size(engine.memory)} memory")


def check_tools(tools: Tools) -> tuple[Check, ...]:
    """Judge Compose (2.20: health checks' start interval, `deploy` limits, includes) and buildx."""
    hint = f"install it: {INSTALL}"
    if tools.compose is None:
        compose = Check("compose", "fail", "`docker compose` is missing", hint, lacks=True)
    elif version_of(tools.compose) < (2, 20):
        compose = Check("compose", "fail", f"Compose {tools.compose} is older than 2.20", hint, lacks=True)
    else:
        compose = Check("compose", "ok", f"Compose {tools.compose}")
    buildx = (
        Check("buildx", "fail", "`docker buildx` is missing: images can't be built", hint, lacks=True)
        if tools.buildx is None
        else Check("buildx", "ok", f"buildx {tools.buildx}")
    )
    return compose, buildx


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `v2.26.1-4` gives (2, 26, 1)."""
    numbers: list[int] = []
    for part in text.removeprefix("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def check_disk(folder: str, free: int | None) -> Check:
    """Judge the free space where the engine keeps its data; None where it can't be seen from here."""
    if free is None:
        return Check("disk", "warn", f"{folder} can't be seen from here", "look at it on the engine's host: df -h")
    found = f"{size(free)} free in {folder}"
    if free < DISK_NEEDED:
        return Check("disk", "fail", found, f"{size(DISK_NEEDED)} are needed: docker system prune", lacks=True)
    if free < DISK_COMFORTABLE:
        return Check("disk", "warn", found, f"{size(DISK_COMFORTABLE)} are comfortable: docker system prune")
    return Check("disk", "ok", found)


def check_state(folder: Path, *, writable: bool) -> Check:
    """Judge whether changes can be locked and journalled."""
    if not writable:
        return Check(
            "state", "fail", f"nothing can be written in {folder}", "name a folder of yours: OPTIMUS_STATE_DIR"
        )
    return Check("state", "ok", f"{folder} can be written")


def check_memory(stack: Stack, total: int, available: int | None) -> Check:
    """Judge the host's memory against the limits of one replica each."""
    limits = sum(
        (one.memory or 0) * one.default_replicas for name, one in stack.services.items() if name not in stack.jobs
    )
    there = f"{size(total)} of memory" + (f", {size(available)} available" if available is not None else "")
    found = f"{there}; limits of all services add up to {size(limits)}"
    if limits > total:
        return Check("memory", "warn", found, "it is enough while not all are busy; lower limits (…_MEMORY) to be sure")
    return Check("memory", "ok", found)


def check_cores(stack: Stack, cpus: int) -> Check:
    """Judge the host's cores: an engine refuses a container whose limit is above what its host has."""
    above = [f"{name} ({cores(one.cpus)})" for name, one in stack.services.items() if one.cpus and one.cpus > cpus]
    if above:
        hint = "lower their limits (as in AI_ENGINE_CPUS=1), or use a larger host"
        return Check("cores", "fail", f"{cpus} cores, but limits above that: {', '.join(above)}", hint, lacks=True)
    return Check("cores", "ok", f"{cpus} cores, no service's limit is above that")


def check_subnets(now: Sequence[SubnetProblem], later: Sequence[SubnetProblem]) -> Check:
    """Judge the networks whose addresses the files fix.

    Args:
        now: what is in the way of the stack as it is.
        later: what would be in the way with the overlays that a flag adds.
    """
    if now:
        hint = "; ".join(dict.fromkeys(problem.hint for problem in now))
        return Check("networks", "fail", "; ".join(problem.found for problem in now), hint)
    if later:
        found = f"with --sentinel: {'; '.join(problem.found for problem in later)}"
        return Check("networks", "warn", found, "; ".join(dict.fromkeys(problem.hint for problem in later)))
    return Check("networks", "ok", "no other network has addresses that the files want")


def check_ports(taken: Mapping[str, Sequence[PublishedPort]], own: Iterable[PublishedPort]) -> Check:
    """Judge the ports on the host: free, or held by the project itself.

    Args:
        taken: service -> ports that somebody else holds.
        own: ports that the project publishes, taken or not.
    """
    busy = [f"{port.host_ip or '*'}:{port.host_port} (for {name})" for name, ports in taken.items() for port in ports]
    if busy:
        hint = "end what listens there (ss -ltnp), or choose another port, as in AI_ENGINE_PORT=18010"
        return Check("ports", "fail", f"in use by something else: {', '.join(busy)}", hint)
    numbers = ", ".join(str(port.host_port) for port in own if port.host_port)
    return Check("ports", "ok", f"{numbers} free or ours" if numbers else "none is published")


def check_images(images: Images) -> Check:
    """Judge whether all images are here or can be had."""
    unbuilt = f"to be built at the first start: {', '.join(images.unbuilt)}" if images.unbuilt else ""
    if not images.missing:
        return Check("images", "ok", unbuilt or "all here")
    missing = f"{', '.join(images.missing)} not here yet"
    if images.registry:
        return Check("images", "ok", f"{missing}; the registry answers" + (f"; {unbuilt}" if unbuilt else ""))
    return Check("images", "warn", f"{missing}, and no registry answers", "make stand-ins: invoke images.bases")


def check_secrets(findings: Sequence[Finding], *, exists: bool, name: str) -> Check:
    """Judge the operator's secrets."""
    if not exists:
        return Check("secrets", "ok", f"{name} is not there yet; the first `invoke scale` makes it")
    errors = [finding for finding in findings if finding.severity == "error"]
    told = "; ".join(f"{finding.subject} {finding.problem}" for finding in findings)
    if errors:
        return Check("secrets", "fail", told, "; ".join(dict.fromkeys(finding.hint for finding in errors)))
    if findings:
        return Check("secrets", "warn", told, "; ".join(dict.fromkeys(finding.hint for finding in findings)))
    return Check("secrets", "ok", f"{name} is complete and private")


def check_packages(packages: Packages) -> Check:
    """Judge the Python environment against the lock."""
    if not packages.locked:
        return Check("python", "warn", "there is no lock to compare with (requirements/dev.txt)")
    if packages.different:
        few = ", ".join(f"{name} {what}" for name, what in list(packages.different.items())[:5])
        more = f" and {len(packages.different) - 5} more" if len(packages.different) > 5 else ""
        hint = "renew it: python3 scripts/bootstrap.py invoke doctor"
        return Check("python", "warn", f"differs from the lock: {few}{more}", hint)
    return Check("python", "ok", f"all {packages.locked} packages are as locked")


def check_leftovers(
    state: State, stack: Stack | None, abandoned: Sequence[str], leftovers: Leftovers = NO_LEFTOVERS
) -> Check:
    """Judge what earlier runs left behind.

    Args:
        state: the project's containers.
        stack: what is wanted; its jobs may have ended.
        abandoned: files that a run which was killed left behind.
        leftovers: what no file wants.
    """
    left = {replica.id for replica in leftovers.containers}
    bad = [found for found in ended_badly(state, stack.jobs if stack else frozenset()) if found.id not in left]
    lines = [f"{replica.name} {replica.condition}" for replica in bad]
    hints = ["replace what ended: invoke up; why it ended: invoke status"] if bad else []
    if leftovers:
        lines.extend(leftovers.lines)
        hints.append("remove what no file wants: invoke up --remove-orphans")
    if abandoned:
        lines.append(f"a killed run left {', '.join(abandoned)}")
        hints.append("harmless; the next run renews it")
    if lines:
        return Check("leftovers", "warn", "\n".join(lines), "; ".join(hints))
    return Check("leftovers", "ok", "none")


def check_clock(engine: EngineFacts | None, behind: float) -> Check:
    """Judge the clock: tokens, certificates and rate limits depend on it.

    Args:
        engine: the engine, whose host may be another one.
        behind: seconds by which the clock is behind the newest file of the checkout; 0 or less if it isn't.
    """
    if behind > SKEW_SECONDS:
        found = f"the clock is {age(behind)} behind the newest file of the checkout"
        return Check("clock", "fail", found, "set it: timedatectl set-ntp true")
    if engine is not None and abs(engine.clock) > SKEW_SECONDS:
        found = f"the engine's clock differs by {age(abs(engine.clock))}"
        return Check("clock", "warn", found, "set both from one source: timedatectl set-ntp true")
    return Check("clock", "ok", "plausible" if engine is None else "plausible, and the engine's agrees")


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 without failures, 3 when the machine lacks something, else 1."""
    failed = [check for check in checks if check.verdict == "fail"]
    if not failed:
        return 0
    return 3 if any(check.lacks for check in failed) else 1
