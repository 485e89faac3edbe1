"""`invoke validate-redis` outside of Compose, on real servers and sentinels."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.redis.loopback import MASTER, Loopback, knows, until

from optimus_ops.errors import OpsError, Refused
from optimus_ops.redis import discovery
from optimus_ops.redis.target import Flags
from optimus_ops.redis.validate import validate

PASSWORD = "word-canary"
Asked = tuple[dict[str, Any], str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in no checkout: none is needed."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return str(path)


def ask(capsys: pytest.CaptureFixture[str], flags: Flags, **how: Any) -> Asked:
    """Return the document, and everything that was said."""
    capsys.readouterr()
    error = ""
    try:
        validate(flags, json=True, **how)
    except Refused:
        raise
    except OpsError as failure:
        error = str(failure)
    out, err = capsys.readouterr()
    assert PASSWORD not in out + err + error
    return json.loads(out), error


def verdicts(document: dict[str, Any], verdict: str) -> set[str]:
    return {check["name"] for check in document["checks"] if check["verdict"] == verdict}


def test_a_single_server(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    one = redis.server("maxmemory", "100mb", "latency-monitor-threshold", "100")
    with one.client() as client:
        client.mset({"a": 1, "b": 2})
    document, error = ask(capsys, Flags(url=one.url, role="state"))
    assert document["ok"]
    assert not error
    assert document["counts"] == {"ok": len(document["checks"]), "warning": 0, "failed": 0, "not allowed": 0}
    assert {check["name"]: check["figures"] for check in document["checks"]}["keys"]["keys"] == 2


def test_the_table_has_a_line_for_each_check_and_what_to_do(
    redis: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    one = redis.server("maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(OpsError, match="policy"):
        validate(Flags(url=one.url, role="state"), json=False)
    out = capsys.readouterr().out
    assert "WHERE" in out
    assert "→" in out
    assert "1 failed" in out


def test_the_headline_says_what_there_is(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str
) -> None:
    one = redis.server("maxmemory", "100mb")
    with one.client() as client:
        client.acl_setuser("app", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], commands=["+ping"])
    validate(Flags(url=one.url, user="app", password_file=password_file), json=False)
    assert capsys.readouterr().out.splitlines()[0].endswith("(role not told)")
    with pytest.raises(OpsError):
        validate(Flags(url="redis://127.0.0.1:1"), json=False)
    assert capsys.readouterr().out.splitlines()[0].endswith("(silent)")
    with pytest.raises(OpsError):
        validate(Flags(sentinels=("127.0.0.1:1",), master=MASTER), json=False)
    assert capsys.readouterr().out.splitlines()[0].endswith(f": 1 sentinel that watches {MASTER}")


def test_a_cache_may_evict(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    one = redis.server("maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    assert ask(capsys, Flags(url=one.url, role="cache"))[0]["ok"]


def test_a_user_without_rights_is_told_what_was_not_checked(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str
) -> None:
    one = redis.server("maxmemory", "100mb")
    with one.client() as client:
        client.acl_setuser(
            "app", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], categories=["+@read", "+@write"]
        )
        client.execute_command("ACL", "SETUSER", "app", "+ping")
    document, error = ask(capsys, Flags(url=one.url, user="app", password_file=password_file))
    assert document["ok"]
    assert not error
    assert verdicts(document, "not allowed") >= {
        "memory",
        "policy",
        "persistence",
        "latency",
        "slow log",
        "replication",
    }
    assert verdicts(document, "ok") >= {"ping", "round trip"}


def test_a_command_that_a_managed_service_took_away_was_not_checked(
    redis: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = [word for command in ("CONFIG", "SLOWLOG", "LATENCY") for word in ("rename-command", f'{command} ""')]
    document, _error = ask(capsys, Flags(url=redis.server("maxmemory", "100mb", *gone).url))
    assert document["ok"]
    assert verdicts(document, "not allowed") == {"latency", "slow log"}


@pytest.mark.parametrize("given", [False, True])
def test_a_missing_or_wrong_password_is_one_failure(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str, given: bool
) -> None:
    one = redis.server(password="another")
    document, error = ask(capsys, Flags(url=one.url, password_file=password_file if given else ""))
    [check] = document["checks"]
    assert "password" in check["found"]
    assert "--password-file" in check["hint"]
    assert "ping" in error


def test_a_password_in_the_url_is_used_and_not_shown(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    one = redis.server("maxmemory", "100mb", password=PASSWORD)
    document, _error = ask(capsys, Flags(url=f"redis://:{PASSWORD}@{one.endpoint}/0"))
    assert "ping" in verdicts(document, "ok")


def test_a_server_that_hangs_is_given_up(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    one = redis.server()
    one.freeze()
    document, error = ask(capsys, Flags(url=one.url))
    one.thaw()
    assert verdicts(document, "failed") == {"ping"}
    assert error


@contextmanager
def talking(answer: bytes, *, pause: float = 0.0) -> Iterator[str]:
    """A server that answers anything with these bytes, one at a time; its URL."""
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            for byte in answer * 10_000:
                if over.wait(pause):
                    return
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

    def serve(listener: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        try:
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()


def test_a_server_of_another_kind_is_one_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with talking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        document, _error = ask(capsys, Flags(url=url))
    assert verdicts(document, "failed") == {"ping"}


def test_a_server_that_drips_is_given_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "OBSERVE_SECONDS", 0.5)
    with talking(b"$9999999\r\n", pause=0.1) as url:
        document, _error = ask(capsys, Flags(url=url))
    assert verdicts(document, "failed") == {"ping"}


def test_a_port_where_nobody_listens_is_one_failure(capsys: pytest.CaptureFixture[str]) -> None:
    document, _error = ask(capsys, Flags(url="redis://127.0.0.1:1"))
    assert "refused" in document["checks"][0]["found"]


def test_a_group_is_found_through_one_sentinel(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str
) -> None:
    made = redis.group(password=PASSWORD)
    flags = Flags(sentinels=made.endpoints[:1], master=MASTER, password_file=password_file)
    document, error = ask(capsys, flags, try_rewrite=True)
    assert not error
    assert {one["role"] for one in document["servers"]} == {"master", "replica"}
    assert {one["address"] for one in document["servers"]} == {one.endpoint for one in made.servers}
    assert {one["address"] for one in document["sentinels"]} == set(made.endpoints)
    assert verdicts(document, "ok") >= {"CKQUORUM", "agreement", "number", "one master", "tilt", "config file"}


def test_what_of_a_group_is_lost_is_named(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str
) -> None:
    made = redis.group(password=PASSWORD)
    made.servers[2].end()
    made.sentinels[2].end()
    until(lambda: not knows(made.sentinels[0], 2, 2))
    document, error = ask(capsys, Flags(sentinels=made.endpoints, password_file=password_file))
    assert not document["ok"]
    assert made.servers[2].endpoint in error
    assert verdicts(document, "failed") >= {"ping", "replication"}


def test_wrong_names_and_places_are_told_apart(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    master = redis.server()
    one = redis.sentinel(master, quorum=1)
    with pytest.raises(Refused, match="no sentinel knows a master 'nobody'") as refused:
        ask(capsys, Flags(sentinels=(one.endpoint,), master="nobody"))
    assert MASTER in str(refused.value.hint)
    with one.client() as client:
        client.sentinel_monitor("second", "127.0.0.1", master.port, 1)
    with pytest.raises(Refused, match="several masters"):
        ask(capsys, Flags(sentinels=(one.endpoint,)))
    document, _error = ask(capsys, Flags(sentinels=(one.endpoint,), master="second"))
    assert "number" in verdicts(document, "failed")
    document, _error = ask(capsys, Flags(sentinels=(master.endpoint,), master=MASTER))
    assert "no sentinel" in document["checks"][0]["found"]
    document, _error = ask(capsys, Flags(sentinels=("127.0.0.1:1", "127.0.0.1:2"), master=MASTER))
    assert [check["verdict"] for check in document["checks"]] == ["failed", "failed"]


def test_an_even_number_of_sentinels_fails_with_the_reason(redis: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    made = redis.group(sentinels=2)
    document, _error = ask(capsys, Flags(sentinels=made.endpoints[:1]))
    [check] = [one for one in document["checks"] if one["verdict"] == "failed"]
    assert check["name"] == "number"
    assert "majority" in check["hint"]


def test_sentinels_with_a_password_of_their_own_are_asked_with_that(
    redis: Loopback, capsys: pytest.CaptureFixture[str], password_file: str, tmp_path: Path
) -> None:
    one = redis.sentinel(redis.server(password=PASSWORD), quorum=1, password="word-of-sentinels")
    (tmp_path / "own").write_text("word-of-sentinels\n")
    flags = Flags(sentinels=(one.endpoint,), password_file=password_file, sentinel_password_file=str(tmp_path / "own"))
    document, _error = ask(capsys, flags)
    assert [server["answers"] for server in document["servers"]] == [True]
    document, _error = ask(capsys, Flags(sentinels=(one.endpoint,), master=MASTER, password_file=password_file))
    assert "--sentinel-password-file" in document["checks"][0]["hint"]
