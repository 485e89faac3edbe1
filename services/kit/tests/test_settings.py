from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.redis_url import Tls
from optimus_kit.settings import (
    RedisSettings,
    ServiceSettings,
    SettingsError,
    env_bool,
    env_float,
    env_int,
    parse_hosts,
)

HOSTS = st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True)
PORTS = st.integers(1, 65535)


def test_the_defaults_are_those_of_a_container() -> None:
    settings = ServiceSettings.from_env({}, service="demo", port=8010)
    assert (settings.port, settings.web_concurrency, settings.drain_delay, settings.drain_timeout) == (8010, 1, 3, 60)
    assert settings.redis.url == "redis://redis:6379/0"
    assert str(settings.secrets.path) == "/run/secrets"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("WEB_CONCURRENCY", "0"),
        ("DRAIN_DELAY", "-1"),
        ("DRAIN_DELAY", "nan"),
        ("LOG_LEVEL", "loud"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis://redis?timeout=5"),
        ("REDIS_URL", "redis://:can#ary@redis"),
        ("REDIS_URL", "rediss://redis?ssl_ca_certs=/no/such.pem"),
        ("REDIS_CACHE_URL", "unix:///run/redis.sock?ssl=true"),
        ("REDIS_TLS", "perhaps"),
        ("REDIS_TLS_CA_FILE", "/no/such.pem"),
        ("REDIS_SENTINEL_ENABLED", "perhaps"),
        ("REDIS_DEADLINE", "0"),
        ("REDIS_WAIT_REPLICAS", "-1"),
        ("REDIS_SENTINEL_HOSTS", "a:b"),
        ("REDIS_SENTINEL_HOSTS", "a:99999"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        ServiceSettings.from_env({name: value}, service="demo", port=8010)


def test_writes_that_must_not_be_lost_wait_for_a_replica_where_there_is_one() -> None:
    sentinels = {"REDIS_SENTINEL_ENABLED": "true", "REDIS_SENTINEL_HOSTS": "a"}
    assert RedisSettings.from_env({}).durability.replicas == 0
    assert RedisSettings.from_env(sentinels).durability.replicas == 1
    assert RedisSettings.from_env(sentinels | {"REDIS_WAIT_REPLICAS": "2"}).durability.replicas == 2


def test_sentinel_mode_needs_hosts() -> None:
    with pytest.raises(SettingsError, match="REDIS_SENTINEL_HOSTS"):
        RedisSettings.from_env({"REDIS_SENTINEL_ENABLED": "true"})


def test_tls_is_for_the_servers_and_their_sentinels() -> None:
    assert RedisSettings.from_env({}).tls is None
    both = RedisSettings.from_env({"REDIS_TLS": "true", "REDIS_TLS_CHECK_HOSTNAME": "false"})
    assert both.tls == both.sentinel_tls == Tls(check_hostname=False)
    servers = RedisSettings.from_env({"REDIS_TLS": "true", "REDIS_SENTINEL_TLS": "false"})
    assert (servers.tls, servers.sentinel_tls) == (Tls(), None)
    with pytest.raises(SettingsError, match=r"REDIS_TLS_CA_FILE: /no/such\.pem: no such file"):
        RedisSettings.from_env({"REDIS_TLS": "true", "REDIS_TLS_CA_FILE": "/no/such.pem"})


@given(st.lists(st.tuples(HOSTS, PORTS), max_size=5))
def test_hosts_are_read_back(hosts: list[tuple[str, int]]) -> None:
    text = " , ".join(f"{host}:{port}" for host, port in hosts)
    assert parse_hosts(text, "HOSTS", 26379) == tuple(hosts)


def test_a_host_without_port_has_the_default_one() -> None:
    assert parse_hosts("sentinel-1,[::1]:5,[::2]", "HOSTS", 26379) == (
        ("sentinel-1", 26379),
        ("::1", 5),
        ("::2", 26379),
    )


@given(st.text(max_size=12))
def test_any_text_is_a_number_within_bounds_or_refused(text: str) -> None:
    with suppress(SettingsError):
        assert 1 <= env_int({"N": text}, "N", 5, 1, 10) <= 10
    with suppress(SettingsError):
        assert 1 <= env_float({"N": text}, "N", 5, 1, 10) <= 10


def test_switches() -> None:
    assert env_bool({"A": "Yes"}, "A", default=False)
    assert not env_bool({"A": "0"}, "A", default=True)
    assert env_bool({"A": " "}, "A", default=True)
