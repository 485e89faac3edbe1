"""Redis containers of a Compose project: role, address and credentials, from labels and environment, else from names.

| | read | else |
|---|---|---|
| role | label `com.optimus.redis`: state, cache or sentinel | `sentinel` or `cache` in the service's name; state |
| user | REDIS_USERNAME | the default user |
| password | the file that REDIS_PASSWORD_FILE names, of the same name among the operator's secrets | REDIS_PASSWORD |
| port | REDIS_PORT | 6379, of a sentinel 26379 |
| address | REDIS_ADDRESS | of its first network |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from optimus_ops.engine.labels import SERVICE_LABEL
from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import REDIS_IMAGE
from optimus_ops.errors import Refused
from optimus_ops.redis.model import Topology
from optimus_ops.redis.nodes import Address, AddressBook, Node, Purpose

ROLE_LABEL = "com.optimus.redis"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
DEFAULT_PORTS = {"state": 6379, "cache": 6379, "sentinel": 26379}

Role = Literal["state", "cache", "sentinel"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class RedisContainer:
    """A container with a Redis server or a sentinel."""

    id: str
    name: str
    service: str
    role: Role
    status: str  # the engine's word: running, paused, exited, …
    image: str
    user: str  # of its processes; "" for the image's own
    hosts: tuple[str, ...]  # addresses and names of it, the one to reach it by first
    port: int
    login: str  # ACL user with all permissions; "" for the default user
    secret: str  # name of that user's password among the operator's secrets
    master: str  # the name by which sentinels know the master, where its environment has one
    volumes: tuple[str, ...]  # its folders that are on volumes
    drill: str  # "allowed" where its label says so

    @property
    def node(self) -> Node:
        """It as a node to observe."""
        absence = "" if self.status == "running" else f"its container is {self.status}"
        if not absence and not self.hosts:
            absence = "its container has no network"
        purpose: Purpose = "unknown" if self.role == "sentinel" else self.role
        return Node(self.service_name, Address(self.hosts[0] if self.hosts else self.name, self.port), purpose, absence)

    @property
    def service_name(self) -> str:
        """Its service, since a service of Redis has one container."""
        return self.service or self.name


def find_redis(engine: Engine, project: str) -> tuple[RedisContainer, ...]:
    """Return a project's Redis containers, running or not, by role and name."""
    made = [parse_container(raw) for raw in engine.inspect(project) if is_redis(raw)]
    return tuple(sorted(made, key=lambda container: (ROLES.index(container.role), container.service, container.name)))


def is_redis(raw: Mapping[str, Any]) -> bool:
    """Tell whether a container is a long-running Redis server or sentinel, by its label or its image's name."""
    labels = raw["Config"].get("Labels") or {}
    if labels.get(ONE_OFF_LABEL, "False") == "True":
        return False
    return ROLE_LABEL in labels or REDIS_IMAGE.search(str(raw["Config"].get("Image", ""))) is not None


def parse_container(raw: Mapping[str, Any]) -> RedisContainer:
    """Parse the answer of `GET /containers/{id}/json`."""
    config: Mapping[str, Any] = raw["Config"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    environment = dict(pair.split("=", 1) for pair in config.get("Env") or () if "=" in pair)
    service = labels.get(SERVICE_LABEL, "")
    role = _role(labels.get(ROLE_LABEL, ""), service)
    port = environment.get("REDIS_PORT", "")
    volumes = [mount for mount in raw.get("Mounts") or () if mount.get("Type") == "volume"]
    return RedisContainer(
        id=str(raw["Id"]),
        name=str(raw["Name"]).lstrip("/"),
        service=service,
        role=role,
        status=str(raw["State"].get("Status", "")),
        image=str(raw.get("Image") or config.get("Image", "")),
        user=str(config.get("User", "")),
        hosts=tuple(dict.fromkeys(_hosts(raw, environment))),
        port=int(port) if port.isdigit() else DEFAULT_PORTS[role],
        login=environment.get("REDIS_USERNAME", ""),
        secret=environment.get("REDIS_PASSWORD_FILE", "REDIS_PASSWORD").rpartition("/")[2],
        master=environment.get("REDIS_SENTINEL_MASTER", ""),
        volumes=tuple(str(mount["Destination"]) for mount in volumes),
        drill=labels.get("com.optimus.drill", ""),
    )


def _role(label: str, service: str) -> Role:
    for role in ROLES:
        if label == role:
            return role
    return "sentinel" if "sentinel" in service else ("cache" if "cache" in service else "state")


def _hosts(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield every address and name of a container, those first by which others know it."""
    networks: Mapping[str, Any] = raw["NetworkSettings"].get("Networks") or {}
    current = [str(network.get("IPAddress") or "") for network in networks.values()]
    fixed = [str((network.get("IPAMConfig") or {}).get("IPv4Address") or "") for network in networks.values()]
    addresses = [address for address in (*current, *fixed) if address]
    own = environment.get("REDIS_ADDRESS", "")
    if own in addresses:
        yield own
    yield from addresses
    yield str(raw["Name"]).lstrip("/")
    for network in networks.values():
        yield from (str(name) for name in network.get("DNSNames") or network.get("Aliases") or ())


def address_book_of(containers: Iterable[RedisContainer]) -> AddressBook:
    """Return the addresses and names of each container."""
    return AddressBook({host: container.service_name for container in containers for host in container.hosts})


def choose_container(containers: Sequence[RedisContainer], topology: Topology, name: str = "") -> RedisContainer:
    """Return the named server, else the one master; raise `Refused` where there is none, or several masters."""
    if name:
        return named_container(containers, name)
    masters = {server.node.name for server in topology.of_role("master")}
    found = [container for container in _servers(containers) if container.node.name in masters]
    if len(found) != 1:
        raise Refused(f"there are {len(found)} masters; name the server: --server NAME", _known(containers))
    return found[0]


def named_container(containers: Sequence[RedisContainer], name: str) -> RedisContainer:
    """Return the server of a service or container, running or not; raise `Refused` where it is missing."""
    for container in _servers(containers):
        if name in {container.service, container.name}:
            return container
    raise Refused(f"no Redis server is named {name!r}", _known(containers))


def _servers(containers: Sequence[RedisContainer]) -> list[RedisContainer]:
    return [container for container in containers if container.role != "sentinel"]


def _known(containers: Sequence[RedisContainer]) -> str:
    return f"servers: {', '.join(container.node.name for container in _servers(containers))}"
