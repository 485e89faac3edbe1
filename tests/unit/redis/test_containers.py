"""Which containers are Redis, what each is for, and how it is reached."""

from __future__ import annotations

from typing import Any

import pytest

from optimus_ops.redis.containers import address_book_of, is_redis, parse_container
from optimus_ops.redis.nodes import Address


def inspected(service: str = "redis", **changes: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.service": service, **changes.pop("labels", {})}
    return {
        "Id": f"id-{service}",
        "Name": f"/shop-{service}-1",
        "Image": "sha256:abc",
        "Config": {
            "Image": changes.pop("image", "redis:8.0-alpine"),
            "Labels": labels,
            "Env": changes.pop("env", []),
            "User": "redis",
            "Cmd": ["redis-server"],
        },
        "State": {"Status": changes.pop("status", "running")},
        "NetworkSettings": {"Networks": changes.pop("networks", {"shop_stores": {"IPAddress": "172.20.0.3"}})},
        "Mounts": [{"Type": "volume", "Name": "shop_redis-data", "Destination": "/data"}],
    }


@pytest.mark.parametrize(
    ("service", "labels", "role"),
    [
        ("redis", {}, "state"),
        ("redis-cache", {}, "cache"),
        ("redis-sentinel-1", {}, "sentinel"),
        ("sessions", {"com.optimus.redis": "cache"}, "cache"),
        ("redis-cache", {"com.optimus.redis": "state"}, "state"),
        ("watcher", {"com.optimus.redis": "sentinel"}, "sentinel"),
    ],
)
def test_the_label_says_what_it_is_for_else_the_name(service: str, labels: dict[str, str], role: str) -> None:
    assert parse_container(inspected(service, labels=labels)).role == role


@pytest.mark.parametrize(
    ("image", "labels", "found"),
    [
        ("redis:8", {}, True),
        ("registry.example:5000/team/valkey@sha256:0", {}, True),
        ("shop/store:local", {}, False),
        ("shop/store:local", {"com.optimus.redis": "state"}, True),
        ("redis:8", {"com.docker.compose.oneoff": "True"}, False),
    ],
)
def test_redis_is_known_by_its_image_or_its_label(image: str, labels: dict[str, str], found: bool) -> None:
    assert is_redis(inspected(image=image, labels=labels)) == found


def test_without_any_word_of_its_own_it_is_asked_as_the_default_user_on_the_usual_port() -> None:
    one = parse_container(inspected())
    assert (one.node.address, one.login, one.secret) == (Address("172.20.0.3", 6379), "", "REDIS_PASSWORD")
    assert parse_container(inspected("sentinel")).port == 26379


def test_its_environment_says_how_it_is_asked() -> None:
    env = [
        "REDIS_PORT=7000",
        "REDIS_USERNAME=operator",
        "REDIS_PASSWORD_FILE=/run/secrets/OPERATOR",
        "REDIS_ADDRESS=10.1.0.11",
    ]
    networks = {"a": {"IPAddress": "172.20.0.3"}, "b": {"IPAddress": "10.1.0.11"}}
    one = parse_container(inspected(env=env, networks=networks))
    assert (one.node.address, one.login, one.secret) == (Address("10.1.0.11", 7000), "operator", "OPERATOR")


def test_a_stopped_container_is_known_by_its_fixed_address_and_is_not_asked() -> None:
    networks = {"b": {"IPAddress": "", "IPAMConfig": {"IPv4Address": "10.1.0.11"}}}
    one = parse_container(inspected(status="exited", networks=networks))
    assert one.node.absence == "its container is exited"
    assert address_book_of([one]).canonical(Address("10.1.0.11", 6379)) == Address("redis", 6379)


def test_every_name_of_a_container_means_the_same() -> None:
    networks = {"a": {"IPAddress": "172.20.0.3", "DNSNames": ["shop-redis-1", "redis", "abc"]}}
    directory = address_book_of([parse_container(inspected(networks=networks))])
    assert directory.same(Address("abc", 6379), Address("172.20.0.3", 6379))
    assert not directory.same(Address("abc", 6379), Address("172.20.0.3", 6380))
    assert directory.shown(Address("172.20.0.3", 6379)) == "redis (172.20.0.3:6379)"
