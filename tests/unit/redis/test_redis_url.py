"""URLs of Redis: what is read, what is refused and by which name; the services read the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from optimus_kit import redis_url as kit
from optimus_ops.redis import redis_url
from optimus_ops.redis.redis_url import RedisUrl, RedisUrlError, Tls, parse_redis_url

READ = [
    ("redis://h", RedisUrl("h")),
    ("redis://h:7000/3", RedisUrl("h", 7000, database=3)),
    ("REDIS://h/", RedisUrl("h")),
    ("redis://h?db=4", RedisUrl("h", database=4)),
    ("redis://redis_1.shop.:6379/0", RedisUrl("redis_1.shop.")),
    ("redis://10.0.0.1:1", RedisUrl("10.0.0.1", 1)),
    ("redis://[::1]:7000/1", RedisUrl("::1", 7000, database=1)),
    ("redis://[fe80::1%25eth0]", RedisUrl("fe80::1%eth0")),
    ("redis://me:w%23%40%2F%3F%25@h", RedisUrl("h", user="me", password="w#@/?%")),
    ("redis://:a:b@h", RedisUrl("h", password="a:b")),
    ("redis://me@h", RedisUrl("h", user="me")),
    ("rediss://h", RedisUrl("h", tls=Tls())),
    (
        "rediss://h/2?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem&ssl_check_hostname=false",
        RedisUrl("h", database=2, tls=Tls("/ca.pem", "/c.pem", "/k.pem", check_hostname=False)),
    ),
    ("rediss://h?ssl_cert_reqs=none", RedisUrl("h", tls=Tls(verify=False))),
    ("unix:///run/redis.sock", RedisUrl(path="/run/redis.sock")),
    ("unix://me:word@/run/a%20b.sock?db=2", RedisUrl(path="/run/a b.sock", database=2, user="me", password="word")),
]
REFUSED = [
    ("http://h", "redis://"),
    ("valkey://h", "redis://"),
    ("h:6379", "redis://"),
    ("redis:/h", "redis://"),
    ("", "redis://"),
    ("redis://", "no host"),
    ("redis:///0", "no host"),
    ("redis://:6379", "no host"),
    ("redis://:word@:6379/0", "no host"),
    ("redis://h/notadb", "database"),
    ("redis://h/-1", "database"),
    ("redis://h/1/2", "database"),
    ("redis://h/\N{ARABIC-INDIC DIGIT THREE}", "database"),
    ("redis://h?db=x", "db"),
    ("redis://h/1?db=2", "twice"),
    ("redis://h?db=1&db=2", "db"),
    ("redis://h?db=", "db"),
    ("redis://h?", "NAME=VALUE"),
    ("redis://h?timeout=5", "timeout"),
    ("redis://h?socket_timeout=9999", "socket_timeout"),
    ("redis://h?ssl=true", "rediss://"),
    ("redis://h?foo=bar", "foo"),
    ("redis://h?password=canary", "before the host"),
    ("redis://h?ssl_ca_certs=/ca.pem", "rediss://"),
    ("unix:///run/redis.sock?ssl=true", "ssl"),
    ("unix:///run/redis.sock?ssl_ca_certs=/ca.pem", "ssl_ca_certs"),
    ("unix://run/redis.sock", "three slashes"),
    ("unix://", "three slashes"),
    ("unix://:ca/nary@/run/redis.sock", "%2F"),
    ("rediss://h?ssl_cert_reqs=perhaps", "ssl_cert_reqs"),
    ("rediss://h?ssl_check_hostname=perhaps", "ssl_check_hostname"),
    ("rediss://h?ssl_keyfile=/k.pem", "ssl_certfile"),
    ("redis://:ca#nary@h", "%23"),
    ("redis://h/0#", "%23"),
    ("redis://:ca/nary@h", "%2F"),
    ("redis://:ca?nary@h", "%3F"),
    ("redis://:can@canary/x@h", "%40"),
    ("redis://:can@ary@h", "%40"),
    ("redis://:canary%@h", "%25"),
    ("redis://:canary%zz@h", "%25"),
    ("redis://:canary%ff@h", "UTF-8"),
    ("redis://:can ary@h", "%20"),
    ("redis://h\n:6379", "unprintable"),
    ("redis://@h", "empty"),
    ("redis://me:@h", "empty"),
    ("redis://h:", "port"),
    ("redis://h:0", "port"),
    ("redis://h:65536", "port"),
    ("redis://h:notaport-canary", "port"),
    ("redis://h:+1", "port"),
    ("redis://h:\N{FULLWIDTH DIGIT SIX}", "port"),
    ("redis://h:1:2", "brackets"),
    ("redis://::1", "host"),
    ("redis://[::1", "IPv6"),
    ("redis://[::g]:1", "IPv6"),
    ("redis://[::1]6379", "port"),
    ("redis://6379", "host"),
    ("redis://127.1:6379", "host"),
    ("redis://0x7f000001", "host"),
    ("redis://10.0.0.256", "host"),
    ("redis://h..x", "host"),
    ("redis://a,b:1", "host"),
    ("redis://h\\x", "host"),
]


@pytest.mark.parametrize(("text", "url"), READ)
def test_a_url_says_where_and_who(text: str, url: RedisUrl) -> None:
    assert parse_redis_url(text) == url


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_nobody_would_heed_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(RedisUrlError) as refused:
        parse_redis_url(text)
    told = f"{refused.value.message}: {refused.value.hint}"
    assert said in told
    assert "canary" not in told


@pytest.mark.parametrize("text", [text for text, _ in (*READ, *REFUSED)])
def test_what_the_library_takes_or_refuses_the_services_do_too(text: str) -> None:
    try:
        found: object = parse_redis_url(text).arguments()
    except RedisUrlError as error:
        found = error.message
    try:
        theirs: object = kit.parse_redis_url(text).arguments()
    except kit.RedisUrlError as error:
        theirs = error.message
    assert found == theirs


def test_library_and_services_read_the_same() -> None:
    ours, theirs = (Path(str(module.__file__)).read_bytes() for module in (redis_url, kit))
    assert ours == theirs


@given(user=st.text(max_size=8), password=st.text(min_size=1, max_size=12), database=st.integers(0, 999_999))
def test_any_login_that_is_encoded_is_read_as_it_was(user: str, password: str, database: int) -> None:
    user, password = (text.encode("utf-8", "replace").decode() for text in (user, password))
    found = parse_redis_url(f"redis://{quote(user, safe='')}:{quote(password, safe='')}@h:1/{database}")
    assert found == RedisUrl("h", 1, database=database, user=user, password=password)


def test_a_password_is_not_shown() -> None:
    assert "canary" not in repr(parse_redis_url("redis://me:canary@h"))


@given(st.text(alphabet=st.sampled_from("redis:/@?&#=%[]0159.-_abdlt "), max_size=40).map("redis://{}".format))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_redis_url(text)
    except RedisUrlError as refused:
        assert refused.hint  # noqa: PT017 - either outcome is right
    else:
        # Where redis-py goes by what was read, and not somewhere of its own choice.
        settings: dict[str, Any] = Redis(**found.arguments()).connection_pool.connection_kwargs
        assert found.host in text
        assert (settings["host"], settings["port"], settings["db"]) == (found.host, found.port, found.database)


@pytest.mark.parametrize(("content", "said"), [(None, "no such file"), ("no certificate", "PEM")])
@pytest.mark.parametrize("made", [lambda path: Tls(ca_file=path), lambda path: Tls(cert_file=path)])
def test_a_file_of_tls_that_can_not_be_used_is_named(
    tmp_path: Path, made: Callable[[str], Tls], content: str | None, said: str
) -> None:
    path = tmp_path / "a.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RedisUrlError, match=said) as refused:
        made(str(path)).check_files()
    assert str(path) in refused.value.message
