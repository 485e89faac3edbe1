"""Rotation of Redis passwords, on real servers and sentinels."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.unit.redis.loopback import HOST, Loopback, Process, until

from optimus_ops.errors import Refused
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.nodes import Address
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.redis_acl import AclNode, digest, parse_user
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.rotation.rotators.redis_password import RedisPasswordRotator
from optimus_ops.secrets.value import Secret

OLD, NEW, WRONG = (Secret(f"{word}-password-of-the-services") for word in ("old", "new", "wrong"))
ADMIN = "of-the-operator"
PAIR = ValuePair("REDIS_PASSWORD", "rot-1", OLD, NEW)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Loopback]:
    made = Loopback(tmp_path / "redis")
    made.folder.mkdir()
    yield made
    made.end()


def users_file(folder: Path, name: str, *, services: Secret = OLD, replication: Secret = OLD) -> Path:
    """Write an ACL file as nodes and sentinels have it; the default user is the operator here."""
    path = folder / f"{name}.acl"
    users = {"services": services, "replication": replication}
    lines = [f"user {user} on #{digest(password)} ~* &* +@all" for user, password in users.items()]
    path.write_text("\n".join([f"user default on #{digest(Secret(ADMIN))} ~* &* +@all", *lines, ""]))
    return path


def node_of(
    process: Process, name: str, role: str = "state", *logins: Credentials, hosts: tuple[str, ...] = ()
) -> AclNode:
    """A node whose operator is the default user, unless other logins are given."""
    return AclNode(
        name,
        role,
        Address(HOST, process.port),
        "",
        logins or (Credentials("", Secret(ADMIN)),),
        hosts,
        lambda path: Path(path).read_bytes(),
    )


def rotator_of(*nodes: AclNode) -> RedisPasswordRotator:
    return RedisPasswordRotator(lambda _key, _values: nodes)


def server(redis: Loopback, name: str, *options: str, services: Secret = OLD) -> Process:
    path = users_file(redis.folder, name, services=services)
    return redis.server("aclfile", str(path), *options, password=ADMIN)


def own_server(redis: Loopback, name: str) -> tuple[Process, AclNode]:
    """A server with one user, whose password is rotated: as without sentinels."""
    path = redis.folder / f"{name}.acl"
    path.write_text(f"user default on #{digest(OLD)} ~* &* +@all\n")
    made = redis.server("aclfile", str(path), password=OLD.reveal())
    logins = tuple(Credentials("", password) for password in (OLD, NEW))
    return made, node_of(made, name, "state", *logins)


def saved(redis: Loopback, name: str, user: str = "services") -> frozenset[str]:
    lines = (redis.folder / f"{name}.acl").read_text().splitlines()
    return dict(map(parse_user, lines))[user]


def test_one_user_for_all_changes_its_password_without_a_moment_in_which_none_is_valid(redis: Loopback) -> None:
    made, node = own_server(redis, "redis")
    rotator = rotator_of(node, own_server(redis, "redis-cache")[1])
    rotator.check(PAIR.key, OLD)
    assert rotator.probe(PAIR, NEW) is Validity.INVALID

    rotator.install(PAIR)

    assert [rotator.probe(PAIR, value) for value in (OLD, NEW, WRONG)] == [
        Validity.VALID,
        Validity.VALID,
        Validity.INVALID,
    ]
    with made.client() as client:
        assert client.ping()
        rotator.disable(PAIR, OLD)
        # It was let in by the old password.
        with pytest.raises(RedisConnectionError):
            client.execute_command("PING")
    assert [rotator.probe(PAIR, value) for value in (OLD, NEW)] == [Validity.INVALID, Validity.VALID]
    assert saved(redis, "redis", "default") == saved(redis, "redis-cache", "default") == {digest(NEW)}


def test_each_step_can_be_taken_again(redis: Loopback) -> None:
    _made, node = own_server(redis, "redis")
    rotator = rotator_of(node)
    for _ in range(2):
        rotator.install(PAIR)
    for _ in range(2):
        rotator.disable(PAIR, OLD)
    assert saved(redis, "redis", "default") == {digest(NEW)}


@pytest.mark.parametrize("installed", [True, False])
def test_on_the_way_back_the_old_password_stays(redis: Loopback, *, installed: bool) -> None:
    _made, node = own_server(redis, "redis")
    rotator = rotator_of(node)
    if installed:
        rotator.install(PAIR)
    rotator.disable(PAIR, NEW)
    assert [rotator.probe(PAIR, value) for value in (OLD, NEW)] == [Validity.VALID, Validity.INVALID]
    assert saved(redis, "redis", "default") == {digest(OLD)}


def test_masters_replicas_and_sentinels_all_take_it_and_keep_their_links(redis: Loopback) -> None:
    master = server(redis, "redis")
    replica = server(redis, "replica", "replicaof", f"{HOST} {master.port}")
    sentinel = sentinel_of(redis, master)
    nodes = (node_of(master, "redis"), node_of(replica, "replica"), node_of(sentinel, "sentinel", "sentinel"))
    rotator = rotator_of(*nodes)
    until(lambda: link_up(replica))
    link = replica_link(master)

    rotator.install(PAIR)
    assert rotator.probe(PAIR, NEW) is Validity.VALID
    held = [made.client(username="services", password=OLD.reveal()) for made in (master, replica, sentinel)]
    assert all(client.ping() for client in held)
    rotator.disable(PAIR, OLD)

    for made, client in zip((master, replica, sentinel), held, strict=True):
        # It comes back by itself, and is refused with what it has.
        with pytest.raises((RedisConnectionError, AuthenticationError)):
            client.ping()
        assert made.client(username="services", password=NEW.reveal()).ping()
    assert rotator.probe(PAIR, OLD) is Validity.INVALID
    assert saved(redis, "redis") == saved(redis, "replica") == saved(redis, "sentinel") == {digest(NEW)}
    assert link_up(replica)
    assert replica_link(master) == link


def test_what_nodes_show_each_other_changes_only_once_all_take_it(redis: Loopback) -> None:
    master = server(redis, "redis")
    replication = ("replicaof", f"{HOST} {master.port}", "masteruser", "replication")
    replica = server(redis, "replica", *replication)
    with replica.client() as client:
        client.config_set("masterauth", OLD.reveal())
    sentinel = sentinel_of(
        redis, master, "sentinel sentinel-user replication", f"sentinel sentinel-pass {OLD.reveal()}"
    )
    hosts = (HOST,)
    nodes = (
        node_of(master, "redis", hosts=hosts),
        node_of(replica, "replica", hosts=hosts),
        node_of(sentinel, "sentinel", "sentinel", hosts=hosts),
    )
    rotator = rotator_of(*nodes)
    until(lambda: link_up(replica))
    link = replica_link(master)

    rotator.install(PAIR)
    assert shown(replica, sentinel) == {NEW.reveal()}
    rotator.disable(PAIR, NEW)
    assert shown(replica, sentinel) == {OLD.reveal()}
    rotator.install(PAIR)
    rotator.disable(PAIR, OLD)

    assert shown(replica, sentinel) == {NEW.reveal()}
    assert replica_link(master) == link
    with master.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "replica")
    until(lambda: link_up(replica) and replica_link(master) not in {link, ""})
    assert saved(redis, "replica", "replication") == {digest(NEW)}


def test_a_node_that_is_away_is_not_passed_over(redis: Loopback) -> None:
    made, node = own_server(redis, "redis")
    other, peer = own_server(redis, "other")
    rotator = rotator_of(node, peer)
    rotator.install(PAIR)
    other.end()
    assert rotator.probe(PAIR, NEW) is Validity.UNKNOWN
    with pytest.raises(TargetFailed, match="other"):
        rotator.disable(PAIR, OLD)
    with pytest.raises(Refused, match="other"):
        rotator.check(PAIR.key, OLD)
    with made.client() as client:
        assert client.ping()


def test_a_container_that_does_not_run_is_named(redis: Loopback) -> None:
    _made, node = own_server(redis, "redis")
    stopped = AclNode("redis-cache", "cache", Address(HOST, 1), "its container is exited", ())
    with pytest.raises(Refused, match="redis-cache: its container is exited"):
        rotator_of(node, stopped).check(PAIR.key, OLD)


def test_a_frozen_node_says_nothing(redis: Loopback) -> None:
    made, node = own_server(redis, "redis")
    made.freeze()
    try:
        assert rotator_of(node).probe(PAIR, OLD) is Validity.UNKNOWN
    finally:
        made.thaw()


def test_a_node_that_loads_is_no_answer() -> None:
    with socket.create_server((HOST, 0)) as listener:
        answering = threading.Thread(target=loading, args=(listener,), daemon=True)
        answering.start()
        node = AclNode("redis", "state", Address(HOST, listener.getsockname()[1]), "", ())
        assert node.validity("services", OLD) is Validity.UNKNOWN
        answering.join()


def test_a_node_that_knows_neither_password_of_its_peers_stops_it(redis: Loopback) -> None:
    first, second = server(redis, "first"), server(redis, "second", services=WRONG)
    rotator = rotator_of(node_of(first, "first"), node_of(second, "second"))
    with pytest.raises(TargetFailed, match="second doesn't know the password of services"):
        rotator.install(PAIR)
    assert saved(redis, "first") == {digest(OLD)}


def test_a_password_that_no_user_has_can_not_be_rotated(redis: Loopback) -> None:
    made = server(redis, "redis")
    with pytest.raises(Refused, match="no user of Redis has the password REDIS_PASSWORD"):
        rotator_of(node_of(made, "redis")).check(PAIR.key, WRONG)


def test_nodes_that_disagree_are_no_answer(redis: Loopback) -> None:
    first, second = server(redis, "first"), server(redis, "second", services=NEW)
    rotator = rotator_of(node_of(first, "first"), node_of(second, "second"))
    assert rotator.probe(PAIR, NEW) is Validity.UNKNOWN


def test_a_file_that_would_bring_the_old_password_back_is_noticed(redis: Loopback) -> None:
    made = server(redis, "redis")
    stale = users_file(redis.folder, "stale").read_bytes()
    node = AclNode(
        "redis", "state", Address(HOST, made.port), "", (Credentials("", Secret(ADMIN)),), (), lambda _path: stale
    )
    with pytest.raises(TargetFailed, match="a restart would bring back") as raised:
        rotator_of(node).install(PAIR)
    assert NEW.reveal() not in str(raised.value)


def sentinel_of(redis: Loopback, master: Process, *lines: str) -> Process:
    """Start a sentinel with an ACL file; its users are those of the nodes."""
    path = users_file(redis.folder, "sentinel")
    return redis.sentinel(master, f"aclfile {path}", *lines, quorum=1, password=ADMIN)


def loading(listener: socket.socket) -> None:
    """Answer one connection."""
    connection, _address = listener.accept()
    with connection:
        while connection.recv(4096):
            connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")


def link_up(replica: Process) -> bool:
    with replica.client() as client:
        try:
            return str(client.info("replication").get("master_link_status")) == "up"
        except RedisError:
            return False


def replica_link(master: Process) -> str:
    with master.client() as client:
        return "".join(found["id"] for found in client.client_list(_type="replica"))


def shown(replica: Process, sentinel: Process) -> set[str]:
    with replica.client() as to_replica, sentinel.client(password=ADMIN) as to_sentinel:
        sent = to_sentinel.execute_command("SENTINEL", "CONFIG", "GET", "sentinel-pass")
        return {to_replica.config_get("masterauth")["masterauth"], list(sent)[1]}
