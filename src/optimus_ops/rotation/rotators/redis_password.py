"""Passwords of Redis users: two at once in the ACL of every master, replica and sentinel.

ACLs are not replicated: each node has its own. So each is changed and asked, and a fail-over in the midst of a rotation
finds both passwords at the new master. Nodes that start meanwhile read both from their folder of secrets.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.containers import RedisContainer, find_redis
from optimus_ops.redis.credentials import stack_credentials
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.redis_acl import AclNode, digest
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.entry import secondary
from optimus_ops.secrets.value import Secret

BYTES = 32
GRACE_SECONDS = 5.0
"""A connection that a service was making when it re-read the password has been made by then."""

NodesOf = Callable[[str, Sequence[Secret]], Sequence[AclNode]]
"""From a key and its values that may be valid to the nodes that there are now."""


def make_rotator(context: RotationContext) -> RedisPasswordRotator:
    """Return the rotator of a project's stack."""
    stack = context.running()
    return RedisPasswordRotator(stack_nodes(stack.docker, stack.project))


@dataclass(frozen=True)
class RedisPasswordRotator:
    """Rotates the password of whichever users have it: at each node, those whose hashes say so."""

    nodes: NodesOf
    name: str = "redis-password"

    def check(self, key: str, old: Secret) -> None:
        """Refuse where a node is away, or nobody has the password."""
        try:
            self._holders(key, old)
        except TargetFailed as error:
            raise Refused(error.message, error.hint) from None

    def mint(self, _key: str, _rotation: str, _old: Secret) -> Secret:
        """Return a new password."""
        return Secret(secrets.token_urlsafe(BYTES))

    def discard(self, _key: str, _rotation: str, _old: Secret) -> None:
        """Do nothing: no server knows a password before it is installed."""

    def install(self, pair: ValuePair) -> None:
        """Have every node take both, and only then have nodes that use it among themselves show the new one."""
        holders = self._holders(pair.key, pair.old, pair.new)
        for node, users in holders.items():
            with node.administered() as acl:
                for user in users:
                    acl.allow(user, pair.new)
        self._send(holders, pair.new, pair.old)

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Ask every node: valid or invalid only where all agree."""
        try:
            holders = self._holders(pair.key, pair.old, pair.new)
        except TargetFailed:
            return Validity.UNKNOWN
        found = {node.validity(user, value) for node, users in holders.items() for user in users}
        return found.pop() if len(found) == 1 else Validity.UNKNOWN

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the current one, which clients show, and both, which servers take that start meanwhile."""
        both = Secret(f"{pair.old.reveal()}\n{pair.new.reveal()}")
        return {pair.key: current, secondary(pair.key): both}

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the one that is left."""
        return {pair.key: current, secondary(pair.key): Secret("")}

    def old_uses(self, _pair: ValuePair) -> str:
        """Return nothing: Redis doesn't say by which password a connection was let in. `disable` ends them all."""
        return ""

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Take a password from its users everywhere, then end their connections: clients come back with the other."""
        holders = self._holders(pair.key, pair.old, pair.new)
        keep = _other(pair, value)
        self._send(holders, keep, value)
        for node, users in holders.items():
            with node.administered() as acl:
                for user in users:
                    acl.refuse(user, value, keep=keep)
        # Links among the nodes stay: cutting them would look like a failure of the master.
        peers = {host for node in holders for host in node.hosts}
        for node, users in holders.items():
            with node.administered() as acl:
                for user in users:
                    acl.end_connections(user, peers)

    def grace_seconds(self, _key: str) -> float:
        """Return the seconds in which a connection that was under way has been made."""
        return GRACE_SECONDS

    def _send(self, holders: Mapping[AclNode, Sequence[str]], password: Secret, other: Secret) -> None:
        for node in holders:
            with node.administered() as acl:
                acl.send(password, other)

    def _holders(self, key: str, *values: Secret) -> Mapping[AclNode, Sequence[str]]:
        """Return the nodes that know one of the values, and whose password it is there.

        Raises:
            TargetFailed: a node can't be asked, knows none though others of its role do, or nobody does.
        """
        hashes = {digest(value) for value in values}
        found: dict[AclNode, list[str]] = {}
        for node in self.nodes(key, values):
            with node.administered() as acl:
                found[node] = sorted(user for user, known in acl.users().items() if known & hashes)
        for node, users in found.items():
            expected = {user for peer, theirs in found.items() if peer.role == node.role for user in theirs}
            if missing := sorted(expected - set(users)):
                raise TargetFailed(
                    f"{node.name} doesn't know the password of {missing[0]} that its peers know",
                    "has it read its secrets? restart it: invoke deploy",
                )
        if not any(found.values()):
            raise TargetFailed(f"no user of Redis has the password {key}", "invoke deploy, which has Redis read it")
        return {node: users for node, users in found.items() if users}


def _other(pair: ValuePair, value: Secret) -> Secret:
    return pair.new if value == pair.old else pair.old


def stack_nodes(engine: Engine, project: Project) -> NodesOf:
    """Return a function that finds the nodes of a Compose stack, and as whom their users are changed."""

    def nodes(key: str, values: Sequence[Secret]) -> list[AclNode]:
        credentials = stack_credentials(project)

        def logins(container: RedisContainer) -> tuple[Credentials, ...]:
            kept = credentials(container)
            others = values if container.secret == key else ()
            return tuple(dict.fromkeys((kept, *(Credentials(container.login, value) for value in others))))

        def read_file(container: RedisContainer) -> Callable[[str], bytes | None]:
            return lambda path: engine.read_file(container.id, path)

        return [
            AclNode(
                container.service_name,
                container.role,
                container.node.address,
                container.node.absence,
                logins(container),
                container.hosts,
                read_file(container),
            )
            for container in find_redis(engine, project.name)
        ]

    return nodes
