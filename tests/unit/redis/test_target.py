"""What may be asked for, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import SSLConnection

from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.redis.client import Credentials, open_url
from optimus_ops.redis.discovery import SentinelDeployment, find_deployment
from optimus_ops.redis.nodes import Address, Node
from optimus_ops.redis.redis_url import RedisUrl, Tls, parse_redis_url
from optimus_ops.redis.target import Flags, parse_endpoint, parse_flags, read_password
from optimus_ops.secrets.value import Secret

HOSTS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,40}", fullmatch=True) | st.ip_addresses().map(str)


@given(host=HOSTS, port=st.integers(1, 65535))
def test_an_endpoint_is_read_as_it_is_written(host: str, port: int) -> None:
    address = Address(host, port)
    assert parse_endpoint(str(address)) == address


def test_a_sentinel_without_a_port_has_the_usual_one() -> None:
    assert parse_endpoint("10.0.0.1") == Address("10.0.0.1", 26379)


@pytest.mark.parametrize(
    "text", ["", ":26379", "host:", "host:0", "host:65536", "host:x", "a b:1", "u:p@host:1", "::1"]
)
def test_a_malformed_endpoint_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_endpoint(text)


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_is_refused(text: str) -> None:
    try:
        assert 1 <= parse_endpoint(text).port <= 65535
    except Refused as refused:
        assert refused.hint  # noqa: PT017 - either outcome is right


def test_several_sentinels_may_stand_in_one_flag() -> None:
    target = parse_flags(Flags(sentinels=("a:1, b:2", "c", "a:1")))
    assert target.sentinels == (Address("a", 1), Address("b", 2), Address("c", 26379))
    assert target.purpose == "state"


@pytest.mark.parametrize(
    "flags",
    [
        {"url": "redis://h", "sentinels": ("h:1",)},
        {"url": "redis://h", "master": "m"},
        {"role": "cache"},
        {"url": "redis://h", "role": "queue"},
        {"sentinels": ("h:1",), "role": "cache"},
        {"url": "redis://h", "user": "me"},
        {"url": "redis://h", "password_file": "/no/such/file"},
        {"url": "redis://h", "tls": "all"},
        {"url": "redis://h", "ca_file": "/ca.pem"},
        {"url": "rediss://h?ssl_ca_certs=/no/such.pem"},
        {"url": "rediss://h", "ca_file": "/no/such.pem"},
        {"url": "redis://h", "sentinel_password_file": "/no/such/file"},
        {"sentinels": ("h:1",), "sentinel_user": "me"},
        {"sentinels": ("h:1",), "tls": "everywhere"},
        {"sentinels": ("h:1",), "check_hostname": False},
        {"sentinels": ("h:1",), "tls": "all", "key_file": "/k.pem"},
        {"tls": "all"},
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        parse_flags(Flags(**flags))


def test_the_stack_is_meant_where_nothing_else_is_named() -> None:
    assert not parse_flags(Flags(master="mymaster")).outside


@pytest.mark.parametrize(("content", "password"), [("word", "word"), ("word\n", "word"), ("a b\r\n", "a b")])
def test_a_password_is_the_one_line_of_its_file(tmp_path: Path, content: str, password: str) -> None:
    (tmp_path / "pw").write_bytes(content.encode())
    assert read_password(tmp_path / "pw").reveal() == password


@pytest.mark.parametrize("content", ["", "\n", "one\ntwo-canary\n"])
def test_a_file_without_one_password_is_refused_without_its_content(tmp_path: Path, content: str) -> None:
    (tmp_path / "pw").write_text(content)
    with pytest.raises(Refused) as refused:
        read_password(tmp_path / "pw")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://h:6379", "redis://h:notaport-canary", "redis://h?timeout=5"])
def test_a_url_is_refused_before_anyone_is_asked(url: str) -> None:
    with pytest.raises(Refused, match=r"^--url: ") as refused:
        parse_flags(Flags(url=url))
    assert "canary" not in str(refused.value)


def test_the_password_file_goes_before_the_url() -> None:
    url = parse_redis_url("rediss://old:old@h:7000/2")
    settings = open_url(url, Credentials("new", Secret("word"))).connection_pool.connection_kwargs
    assert (settings["username"], settings["password"], settings["db"]) == ("new", "word", 2)
    settings = open_url(url, Credentials()).connection_pool.connection_kwargs
    assert (settings["username"], settings["password"], settings["host"]) == ("old", "old", "h")


def test_a_unix_socket_is_shown_by_its_path() -> None:
    assert str(Address("/run/redis.sock", 0)) == "/run/redis.sock"


@pytest.mark.parametrize(
    ("tls", "servers", "sentinels"), [("all", 1, 1), ("servers", 1, 0), ("sentinels", 0, 1), ("", 0, 0)]
)
def test_tls_is_for_servers_sentinels_or_both(tmp_path: Path, tls: str, servers: int, sentinels: int) -> None:
    (tmp_path / "pw").write_text("word")
    flags = Flags(sentinels=("h:1",), tls=tls, check_hostname=not tls, password_file=str(tmp_path / "pw"))
    place = find_deployment(parse_flags(flags), load_project(tmp_path))
    node = Node("h:1", Address("h", 1))
    assert issubclass(place.server(node).connection_pool.connection_class, SSLConnection) == bool(servers)
    assert isinstance(place, SentinelDeployment)
    assert (place.sentinel_credentials is not None and place.sentinel_credentials.tls is not None) == bool(sentinels)
    assert not place.own_credentials


def test_sentinels_may_have_a_login_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("word")
    (tmp_path / "own").write_text("other")
    flags = Flags(sentinels=("h:1",), password_file=str(tmp_path / "pw"))
    target = parse_flags(
        replace(flags, sentinel_user="watcher", sentinel_password_file=str(tmp_path / "own"), tls="sentinels")
    )
    assert target.credentials == Credentials("", Secret("word"))
    assert target.sentinel_credentials == Credentials("watcher", Secret("other"), Tls())
    place = find_deployment(target, load_project(tmp_path))
    settings = place.sentinel(Node("h:1", Address("h", 1))).connection_pool.connection_kwargs
    assert (settings["username"], settings["password"]) == ("watcher", "other")


def test_flags_of_tls_add_to_what_a_url_says() -> None:
    target = parse_flags(Flags(url="rediss://h?ssl_cert_reqs=none", check_hostname=False))
    assert target.url == RedisUrl("h", tls=Tls(verify=False, check_hostname=False))
