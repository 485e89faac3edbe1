"""ACL of one Redis server or sentinel: its users, the hashes of their passwords, and their connections.

Rules and commands: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/. A password is sent as
its SHA-256, so that neither MONITOR nor a log of the server has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from optimus_ops.redis.client import FAILURES, Credentials, open_client, reason
from optimus_ops.redis.error_causes import code_of
from optimus_ops.redis.nodes import Address
from optimus_ops.rotation.model import Validity
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.value import Secret

DEFAULT_USER = "default"


def no_file(_path: str) -> bytes | None:
    """Read nothing: the files of a server elsewhere can't be seen."""
    return None


@dataclass(frozen=True)
class AclNode:
    """A server or sentinel whose users are changed.

    Args:
        role: nodes of the same role have the same users.
        absence: why it can't even be asked; "" if it can.
        logins: as whom its users may be changed; the first that it takes is used.
        hosts: addresses from which it connects to the others.
        read_file: reads a file where the server runs.
    """

    name: str
    role: str
    address: Address
    absence: str
    logins: tuple[Credentials, ...]
    hosts: tuple[str, ...] = ()
    read_file: Callable[[str], bytes | None] = no_file

    @contextmanager
    def administered(self) -> Iterator[NodeAcl]:
        """Give its ACL; raise `TargetFailed` where it doesn't answer or takes none of the logins."""
        if self.absence:
            raise TargetFailed(f"{self.name}: {self.absence}", "start it, then resume: it has to learn the passwords")
        for credentials in self.logins:
            client = open_client(self.address, credentials)
            try:
                client.ping()
            except FAILURES as error:
                client.close()
                if code_of(error) == "WRONGPASS":
                    continue
                raise TargetFailed(f"{self.name}: {reason(error)}") from None
            try:
                yield NodeAcl(self, client)
            except FAILURES as error:
                raise TargetFailed(f"{self.name}: {reason(error)}") from None
            finally:
                client.close()
            return
        raise TargetFailed(f"{self.name} takes none of the passwords that are known here", "invoke secrets.validate")

    def validity(self, user: str, password: Secret) -> Validity:
        """Tell whether a user is let in with a password, on a connection of its own."""
        client = open_client(self.address, Credentials("" if user == DEFAULT_USER else user, password))
        try:
            client.ping()
        except FAILURES as error:
            return Validity.INVALID if code_of(error) == "WRONGPASS" else Validity.UNKNOWN
        finally:
            client.close()
        return Validity.VALID


@dataclass(frozen=True)
class NodeAcl:
    """The ACL of a node, over a connection that may change it. Methods raise what redis-py raises."""

    node: AclNode
    client: Any

    def users(self) -> Mapping[str, frozenset[str]]:
        """Return the hashes of the passwords of each user."""
        return dict(map(parse_user, self.client.acl_list()))

    def allow(self, user: str, password: Secret) -> None:
        """Let a user in with one more password."""
        hashed = digest(password)
        if hashed not in self.users()[user]:
            self._set(user, f"#{hashed}")
        self._save(user, present=hashed)

    def refuse(self, user: str, password: Secret, *, keep: Secret) -> None:
        """Take a password from a user who keeps another one: both at once, so that it is never without."""
        hashed, kept = digest(password), digest(keep)
        found = self.users()[user]
        if hashed in found or kept not in found:
            self._set(user, f"#{kept}", *([f"!{hashed}"] if hashed in found else []))
        self._save(user, present=kept, absent=hashed)

    def end_connections(self, user: str, spared: Collection[str]) -> None:
        """End the connections of a user, but those from some hosts: a connection stays whoever it once showed to be."""
        own = str(self.client.client_id())
        for found in self.client.client_list():
            host = str(found.get("addr", "")).rpartition(":")[0].strip("[]")
            if found.get("user") == user and str(found["id"]) != own and host not in spared:
                self.client.execute_command("CLIENT", "KILL", "ID", found["id"])

    def send(self, password: Secret, other: Secret) -> None:
        """Have it show a password to those that it connects to, if it shows that or another one now."""
        either = {password.reveal(), other.reveal()}
        if self.node.role == "sentinel":
            if self._setting("SENTINEL", "CONFIG", "GET", "sentinel-pass") in either:
                self.client.execute_command("SENTINEL", "CONFIG", "SET", "sentinel-pass", password.reveal())
                for name in self.client.sentinel_masters():
                    self.client.execute_command("SENTINEL", "SET", name, "auth-pass", password.reveal())
        elif self._setting("CONFIG", "GET", "masterauth") in either:
            self.client.config_set("masterauth", password.reveal())

    def _setting(self, *command: str) -> str:
        answer = self.client.execute_command(*command)
        values = list(answer.values()) if isinstance(answer, dict) else list(answer)[1::2]
        return str(values[0]) if values else ""

    def _set(self, user: str, *rules: str) -> None:
        self.client.execute_command("ACL", "SETUSER", user, *rules)

    def _save(self, user: str, *, present: str, absent: str = "") -> None:
        """Write the ACL file where it can be written, and look whether it has what a restart needs.

        A file that is mounted read-only comes from the secrets' folder, and was written with these.
        """
        with suppress(ResponseError):
            self.client.acl_save()
        if self.node.role == "sentinel":
            # It doesn't say where its file is.
            return
        path = self._setting("CONFIG", "GET", "aclfile")
        content = self.node.read_file(path) if path else None
        if content is None:
            return
        hashes = dict(map(parse_user, filter(None, content.decode().splitlines()))).get(user, frozenset())
        if present not in hashes or absent in hashes:
            raise TargetFailed(
                f"{self.node.name}: {path} has other passwords of {user}, which a restart would bring back",
                "invoke secrets.init writes the files of secrets anew",
            )


def parse_user(line: str) -> tuple[str, frozenset[str]]:
    """Parse a line of ACL LIST or of an ACL file: a user's name, and the hashes of its passwords."""
    _user, name, *rules = line.split()
    return name, frozenset(rule[1:] for rule in rules if rule.startswith("#"))


def digest(password: Secret) -> str:
    """Return how an ACL knows a password."""
    return hashlib.sha256(password.reveal().encode()).hexdigest()
