"""What is wrong with a service of a Compose file; the checks have the names that `secrets.check-security` has for them.

What a variable without a default decides is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from optimus_ops.guardrails.compose_services import ComposeService
from optimus_ops.project.dotenv import interpolate
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.security.hardening.hazards import ROOT, SENSITIVE, SOCKETS, STRONG, shares_namespace

Found = tuple[Node | None, str]
"""The setting that is wrong, None where one is missing, and what is wrong."""
Check = Callable[[ComposeService], Iterator[Found]]
ENABLED = frozenset({"true", "yes", "on", "1"})
NO_NEW = re.compile(r"no-new-privileges(?:[:=]true)?")
LOOPBACK = re.compile(r"127(?:\.\d+){3}|\[?::1\]?|localhost")
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}|sha256:[0-9a-f]{64}")
VERSION = re.compile(r"[\w.-]*\d[\w.-]*")
SHARED = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")


def plain(node: Node) -> str:
    """Return a scalar with its variables at their defaults."""
    return interpolate(node.text(), {}) if not isinstance(node.value, Mapping | list) else ""


def _is_on(node: Node | None) -> bool:
    return node is not None and plain(node).lower() in ENABLED


def _user(service: ComposeService) -> Iterator[Found]:
    user = service.at("user")
    if user is None:
        if service.complete:
            yield None, "names no user"
    elif plain(user).partition(":")[0] in ROOT - {""}:
        yield user, f"runs as {plain(user)}"


def _capabilities(service: ComposeService) -> Iterator[Found]:
    dropped = {plain(node).upper() for node in service.items("cap_drop")}
    if service.complete and "ALL" not in dropped:
        yield service.at("cap_drop"), "does not drop all capabilities"


def _strong(service: ComposeService) -> Iterator[Found]:
    for node in service.items("cap_add"):
        if (name := plain(node).upper().removeprefix("CAP_")) in STRONG:
            yield node, f"has the capability {name}"


def _new_privileges(service: ComposeService) -> Iterator[Found]:
    options = service.items("security_opt")
    if service.complete and not any(NO_NEW.fullmatch(plain(node)) for node in options):
        yield service.at("security_opt"), "can gain privileges"


def _unconfined(service: ComposeService) -> Iterator[Found]:
    for node in service.items("security_opt"):
        if plain(node).replace("=", ":").endswith((":unconfined", "label:disable")):
            yield node, f"is unconfined: {plain(node)}"


def _writable_root(service: ComposeService) -> Iterator[Found]:
    node = service.at("read_only")
    if (node is not None or service.complete) and not _is_on(node):
        yield node, "has a writable root file system"


def _privileged(service: ComposeService) -> Iterator[Found]:
    node = service.at("privileged")
    if _is_on(node):
        yield node, "is privileged"


def _namespaces(service: ComposeService) -> Iterator[Found]:
    for name in SHARED:
        node = service.at(name)
        if node is not None and shares_namespace(plain(node)):
            yield node, f"shares a namespace: {name}: {plain(node)}"
    for node in service.items("networks"):
        if "host" in (node.value if isinstance(node.value, Mapping) else [plain(node)]):
            yield node, "is on the host's network"


def _sources(service: ComposeService) -> Iterator[tuple[Node, str]]:
    """Give the folders and files of the host that are mounted."""
    for node in service.items("volumes"):
        if isinstance(node.value, Mapping):
            source = node.value.get("source")
            if source is not None:
                yield node, plain(source)
        else:
            yield node, plain(node).partition(":")[0]


def _socket(service: ComposeService) -> Iterator[Found]:
    yield from ((node, f"mounts {source}") for node, source in _sources(service) if SOCKETS.fullmatch(source))


def _sensitive(service: ComposeService) -> Iterator[Found]:
    for node, source in _sources(service):
        if source.startswith("/") and str(PurePosixPath(source)) in SENSITIVE:
            yield node, f"mounts {source}"


def _devices(service: ComposeService) -> Iterator[Found]:
    yield from ((node, "has a device of the host") for node in service.items("devices"))


def _ports(service: ComposeService) -> Iterator[Found]:
    for node in service.items("ports"):
        if isinstance(node.value, Mapping):
            host, published = node.value.get("host_ip"), node.value.get("published", node.value.get("target"))
            address, port = plain(host) if host else "", plain(published) if published else ""
        else:
            address, _, port = plain(node).partition("/")[0].rpartition(":")[0].rpartition(":")
            port = port or plain(node)
        if not LOOPBACK.fullmatch(address):
            yield node, f"publishes port {port} on {address or 'all addresses'}"


def _image(service: ComposeService) -> Iterator[Found]:
    image = service.at("image")
    if image is None or service.at("build") is not None or not plain(image) or DIGEST.fullmatch(plain(image)):
        return
    tag = plain(image).rpartition("/")[2].partition("@")[0].partition(":")[2]
    if not VERSION.fullmatch(tag):
        yield image, f"runs {plain(image)}, which is another image tomorrow"


def _digest(service: ComposeService) -> Iterator[Found]:
    image = service.at("image")
    if image is not None and service.at("build") is None and plain(image) and not DIGEST.fullmatch(plain(image)):
        yield image, f"runs {plain(image)}, which is no digest"


def _limit(name: str, *paths: tuple[str, ...]) -> Check:
    def check(service: ComposeService) -> Iterator[Found]:
        if service.complete and not any(_states(service.at(*path)) for path in paths):
            yield None, f"has no limit of {name}"

    return check


def _states(node: Node | None) -> bool:
    """Tell whether a limit is one: 0 and -1 stand for none."""
    return node is not None and node.text() not in {"", "0", "-1"}


def _health(service: ComposeService) -> Iterator[Found]:
    disabled, test = service.at("healthcheck", "disable"), service.items("healthcheck", "test")
    if service.job:
        return
    if _is_on(disabled):
        yield disabled, "has its health check switched off"
    elif test and plain(test[0]) == "NONE":
        yield test[0], "has its health check switched off"
    elif service.complete and not test and service.at("build") is None:
        # The Dockerfile of what is built may have one.
        yield service.at("healthcheck"), "has no health check"


CHECKS: Mapping[str, Check] = {
    "root-user": _user,
    "capabilities": _capabilities,
    "strong-capability": _strong,
    "new-privileges": _new_privileges,
    "unconfined": _unconfined,
    "writable-root": _writable_root,
    "privileged": _privileged,
    "namespaces": _namespaces,
    "engine-socket": _socket,
    "sensitive-mount": _sensitive,
    "device": _devices,
    "open-port": _ports,
    "image-pin": _image,
    "image-digest": _digest,
    "memory-limit": _limit("memory", ("deploy", "resources", "limits", "memory"), ("mem_limit",)),
    "cpu-limit": _limit("processor time", ("deploy", "resources", "limits", "cpus"), ("cpus",)),
    "pids-limit": _limit("processes", ("deploy", "resources", "limits", "pids"), ("pids_limit",)),
    "health-check": _health,
}
