"""The rules of hardening, each a predicate over the settings of a service that says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from optimus_ops.model.image_names import tag_of
from optimus_ops.security.exposure.container_leaks import NAMED_LIKE_SECRETS
from optimus_ops.security.exposure.plausibility import random_looking
from optimus_ops.security.hardening.hazards import EVERYWHERE, ROOT, SENSITIVE, SOCKETS, STRONG, shares_namespace
from optimus_ops.security.hardening.settings import ContainerSettings, Mount
from optimus_ops.security.model import Severity


@dataclass(frozen=True, slots=True)
class HardeningRule:
    """A rule; `look` gives what is wrong, in a few words each."""

    name: str
    severity: Severity
    finds: str
    hint: str
    look: Callable[[ContainerSettings], Iterable[str]]


EXACT = re.compile(r"[0-9]+\.[0-9]+|[0-9a-f]{7,}|local")
SECRETS_FOLDER = "/run/secrets"
RESTARTS = 5
"""Times that the engine started a container again from which on it is a loop, and no accident."""


def _user(found: ContainerSettings) -> Iterator[str]:
    if found.effective_user is not None and found.effective_user.partition(":")[0] in ROOT:
        yield "runs as root"


def _capabilities(found: ContainerSettings) -> Iterator[str]:
    if "ALL" not in {name.upper() for name in found.cap_drop}:
        yield "keeps the engine's usual capabilities"


def _added(found: ContainerSettings) -> Iterator[str]:
    yield from (
        f"has the capability {name}"
        for name in sorted({name.upper().removeprefix("CAP_") for name in found.cap_add} & STRONG)
    )


def _binds(found: ContainerSettings) -> Iterator[Mount]:
    return (mount for mount in found.mounts if mount.bind)


def _sockets(found: ContainerSettings) -> Iterator[str]:
    yield from (f"mounts {mount.source}" for mount in _binds(found) if SOCKETS.fullmatch(mount.source))


def _sensitive(found: ContainerSettings) -> Iterator[str]:
    yield from (f"mounts {mount.source}" for mount in _binds(found) if str(PurePosixPath(mount.source)) in SENSITIVE)


def _writable(found: ContainerSettings) -> Iterator[str]:
    yield from (f"can write into {mount.target}, a folder of the host" for mount in _binds(found) if mount.writable)


def _namespaces(found: ContainerSettings) -> Iterator[str]:
    yield from (
        f"shares the {kind} namespace: {mode}" for kind, mode in found.namespaces.items() if shares_namespace(mode)
    )


def _ports(found: ContainerSettings) -> Iterator[str]:
    yield from (
        f"publishes port {port.port or 'of any number'} on all addresses"
        for port in found.published
        if port.address in EVERYWHERE
    )


def _unconfined(found: ContainerSettings) -> Iterator[str]:
    yield from (
        f"is unconfined: {option}" for option in found.security_opt if option.replace("=", ":").endswith(":unconfined")
    )


def _pin(found: ContainerSettings) -> Iterator[str]:
    if found.builds or "@sha256:" in found.image or found.image.startswith("sha256:"):
        return
    if not EXACT.search(tag_of(found.image)) and tag_of(found.image) in {
        "",
        "latest",
        "stable",
        "edge",
        "main",
        "master",
    }:
        yield f"runs {found.image}, which is another image tomorrow"


def _health(found: ContainerSettings) -> Iterator[str]:
    if found.healthcheck is not True and not found.ends:
        yield "has no health check"


def _secrets(found: ContainerSettings) -> Iterator[str]:
    for where, values in (
        ("environment", found.environment),
        ("labels", found.labels),
        ("build arguments", found.build_args),
    ):
        for name, value in values.items():
            if (
                value
                and NAMED_LIKE_SECRETS.search(name.upper())
                and random_looking(value.encode())
                and " " not in value
            ):
                yield f"has {name} in its {where}"


def _secret_mount(found: ContainerSettings) -> Iterator[str]:
    for mount in found.mounts:
        if mount.target.startswith(SECRETS_FOLDER) and mount.writable:
            yield f"can write into {mount.target}"


HARDENING: tuple[HardeningRule, ...] = (
    HardeningRule(
        "privileged",
        "critical",
        "a privileged container: it is root on the host",
        "privileged: false",
        lambda found: ["is privileged"] * found.privileged,
    ),
    HardeningRule(
        "engine-socket",
        "critical",
        "the engine's socket in a container: who has it is root on the host",
        "leave the mount out",
        _sockets,
    ),
    HardeningRule(
        "sensitive-mount",
        "critical",
        "a folder of the host's system in a container",
        "mount the one folder that is needed, read-only",
        _sensitive,
    ),
    HardeningRule("root-user", "high", "a container that runs as root", 'user: "1001:1001"', _user),
    HardeningRule(
        "capabilities",
        "high",
        "a container that keeps capabilities which nothing needs",
        "cap_drop: [ALL], and cap_add what is needed",
        _capabilities,
    ),
    HardeningRule(
        "strong-capability", "high", "a capability that leads out of a container", "leave it out of cap_add", _added
    ),
    HardeningRule(
        "new-privileges",
        "high",
        "a container whose programs can gain privileges",
        'security_opt: ["no-new-privileges:true"]',
        lambda found: ["can gain privileges"] * (not found.no_new_privileges),
    ),
    HardeningRule(
        "writable-root",
        "medium",
        "a container that can change its own programs",
        "read_only: true, and tmpfs where it writes",
        lambda found: ["has a writable root file system"] * (not found.read_only),
    ),
    HardeningRule(
        "namespaces",
        "high",
        "a container that shares a namespace with the host or another container",
        "leave pid, ipc, network_mode out",
        _namespaces,
    ),
    HardeningRule(
        "unconfined",
        "high",
        "a container without seccomp or AppArmor",
        "leave seccomp:unconfined and apparmor:unconfined out",
        _unconfined,
    ),
    HardeningRule(
        "device",
        "high",
        "a device of the host in a container",
        "leave devices out",
        lambda found: [f"has the device {name}" for name in found.devices],
    ),
    HardeningRule(
        "open-port",
        "high",
        "a port that is published on all addresses of the host",
        "127.0.0.1:PORT:PORT; the balancer is the one door",
        _ports,
    ),
    HardeningRule(
        "writable-secrets",
        "high",
        "a folder of secrets that a container can write into",
        "read_only: true",
        _secret_mount,
    ),
    HardeningRule(
        "writable-bind",
        "medium",
        "a folder of the host that a container can write into, as code or configuration",
        "read_only: true, or a volume",
        _writable,
    ),
    HardeningRule(
        "plain-secret",
        "high",
        "something random in environment, labels or build arguments, named like a secret",
        "a file in /run/secrets; RUN --mount=type=secret in builds",
        _secrets,
    ),
    HardeningRule(
        "image-pin", "medium", "an image by a tag that moves, such as latest", "image: NAME:VERSION, or @sha256:…", _pin
    ),
    HardeningRule(
        "memory-limit",
        "medium",
        "a container that may take all memory of the host",
        "deploy.resources.limits.memory",
        lambda found: ["has no memory limit"] * (not found.memory),
    ),
    HardeningRule(
        "pids-limit",
        "medium",
        "a container that may start any number of processes",
        "deploy.resources.limits.pids",
        lambda found: ["has no limit of processes"] * (not found.pids),
    ),
    HardeningRule("health-check", "low", "a container without a health check", "healthcheck: in its service", _health),
    HardeningRule(
        "restart-loop",
        "medium",
        "a container that the engine starts again and again",
        "invoke status, and its log",
        lambda found: [f"was started again {found.restarts} times"] * (found.restarts >= RESTARTS),
    ),
)
