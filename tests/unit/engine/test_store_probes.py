from __future__ import annotations

import pytest

from optimus_ops.engine.store_probes import (
    Database,
    RedisServer,
    Sentinel,
    Unreachable,
    parse_store,
    probe_command,
    store_kind,
)

INFO = """\
# Server
redis_version:8.0.2
# Clients
connected_clients:3
# Memory
used_memory:1048576
maxmemory:201326592
maxmemory_policy:noeviction
# Replication
role:slave
master_link_status:down
connected_slaves:0
"""


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("postgres:17", "postgres"),
        ("pgvector/pgvector:0.8.1-pg16", "postgres"),
        ("optimus-standin/postgres:17", "postgres"),
        ("redis:8.0-alpine", "redis"),
        ("registry.example:5000/library/redis@sha256:00", "redis"),
        ("valkey/valkey:8", "redis"),
        ("oliver006/redis_exporter:1", None),
        ("prometheuscommunity/postgres-exporter:1", None),
        ("nginx:1.30", None),
    ],
)
def test_stores_are_known_by_their_image(image: str, kind: str | None) -> None:
    assert store_kind(image) == kind


def test_no_password_stands_in_a_probe_command() -> None:
    for kind in ("postgres", "redis"):
        *_, script = probe_command("postgres" if kind == "postgres" else "redis")
        assert "$(cat" in script


def test_a_database_says_its_connections() -> None:
    said = '{"most": 100, "reserved": 3, "clients": {"": 1, "172.18.0.9": 13}}\n'
    assert parse_store("postgres", 0, said, "") == Database(14, 97)


def test_a_redis_server_says_its_role_and_memory() -> None:
    found = parse_store("redis", 0, INFO.replace("\n", "\r\n"), "")

    assert found == RedisServer("slave", 2**20, 192 * 2**20, "noeviction", 2, 0, False)


def test_a_sentinel_says_whom_it_watches() -> None:
    said = "# Sentinel\r\nmaster0:name=mymaster,status=ok,address=10.0.0.11:6379,slaves=2,sentinels=3\r\n"
    assert parse_store("redis", 0, said, "") == Sentinel("10.0.0.11:6379", "ok", 2, 3)


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "reason"),
    [
        (2, "", "psql: error: x\nthe server is starting up\n", "the server is starting up"),
        (1, "", "", "its client ended with 1"),
        (0, "NOAUTH Authentication required.\n", "", "NOAUTH Authentication required."),
        (0, "", "", "it answered nothing"),
    ],
)
def test_a_store_that_answers_something_else_is_unreachable(code: int, stdout: str, stderr: str, reason: str) -> None:
    assert parse_store("redis", code, stdout, stderr) == Unreachable(reason)
