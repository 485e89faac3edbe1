"""What errors mean: a hint that fits each."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import RedisError
from tests.unit.redis.loopback import HOST, Loopback, until

from optimus_ops.checks.model import Check
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.client import Credentials, open_url
from optimus_ops.redis.error_causes import code_of, explain
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import Address, Node
from optimus_ops.redis.observe_server import observe_server
from optimus_ops.redis.redis_url import parse_redis_url


def ping_of(url: str) -> Check:
    """Return the one check that there is of a server that doesn't answer."""
    parsed = parse_redis_url(url)
    node = Node("one", Address(parsed.host or parsed.path, parsed.port), "state")
    server: Server = observe_server(node, lambda: open_url(parsed, Credentials()))
    [check] = run_checks(Topology("shop", (server,)))
    assert (check.name, check.verdict) == ("ping", "failed")
    return check


@contextmanager
def saying(answer: bytes, *, at_once: bool = False) -> Iterator[int]:
    """Give the port of a server that says something, when it is asked anything or at once, and hangs up."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    if not at_once:
                        connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "found", "hint"),
    [
        (b"-DENIED Redis is running in protected mode because\r\n", "protected mode", "requirepass"),
        (b"-ERR max number of clients reached\r\n", "maxclients", "CLIENT LIST"),
        (b"-NOAUTH Authentication required.\r\n", "password", "--password-file"),
        (b"-WRONGPASS invalid username-password pair\r\n", "password", "--password-file"),
        (b"-BUSY Redis is busy running a script.\r\n", "script", "SCRIPT KILL"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not talk like Redis", "port"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "", "TLS"),
        (b"", "", "TLS"),
    ],
)
def test_what_is_answered_says_what_to_do(answer: bytes, found: str, hint: str) -> None:
    for at_once in (False, True) if answer.startswith((b"-DENIED", b"-ERR")) else (False,):
        with saying(answer, at_once=at_once) as port:
            check = ping_of(f"redis://{HOST}:{port}")
        assert found in check.found
        assert hint in check.hint


@pytest.mark.parametrize(
    ("url", "found", "hint"),
    [
        (f"redis://{HOST}:1", "refused", "nobody listens"),
        ("unix:///no/such/redis.sock", "no such file", "unixsocket"),
        ("redis://no-such-host.invalid:6379", "name", "resolver"),
    ],
)
def test_a_way_that_leads_nowhere_says_why(url: str, found: str, hint: str) -> None:
    check = ping_of(url)
    assert found in check.found
    assert hint in check.hint


def test_a_server_with_too_many_clients_is_told_so(redis: Loopback) -> None:
    one = redis.server()
    with one.client() as client:
        client.config_set("maxclients", 1)
        assert "CLIENT LIST" in ping_of(one.url).hint


def test_tls_where_there_is_none_is_said_as_such(redis: Loopback) -> None:
    check = ping_of(f"rediss://{redis.server().endpoint}")
    assert "redis://" in check.hint


def test_a_server_that_a_script_keeps_busy_is_told_how_to_end_it(redis: Loopback) -> None:
    one = redis.server("lua-time-limit", "5")
    with one.client(socket_timeout=0.2) as client, contextlib.suppress(RedisError):
        client.eval("while true do end", 0)

    def busy() -> bool:
        return "SCRIPT KILL" in ping_of(one.url).hint

    until(busy)


@pytest.mark.parametrize(
    ("number", "hint"),
    [(10, "--ca-file"), (18, "--ca-file"), (20, "--ca-file"), (62, "--no-check-hostname"), (1, "--ca-file")],
)
def test_a_certificate_that_is_not_accepted_says_which_way_out(number: int, hint: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = number, "in OpenSSL's words"
    assert hint in explain(error).hint


@pytest.mark.parametrize(
    "code", ["READONLY", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "LOADING", "NOPERM"]
)
def test_codes_of_redis_have_words_of_ours(code: str) -> None:
    error = BaseParser.parse_error(f"{code} in Redis' own words")  # type: ignore[no-untyped-call]
    assert code_of(error) == code
    assert "own words" not in explain(error).reason
    assert explain(error).hint


def test_an_error_without_a_code_is_told_in_its_own_words() -> None:
    error = BaseParser.parse_error("ERR wrong number of arguments")  # type: ignore[no-untyped-call]
    assert code_of(error) in {"", "ERR"}
    assert "wrong number" in explain(error).reason
