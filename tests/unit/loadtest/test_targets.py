from __future__ import annotations

import pytest

from optimus_ops.errors import Refused
from optimus_ops.loadtest.targets import given_target

ADDRESSES = {
    "localhost": ["127.0.0.1", "::1"],
    "127.0.0.1": ["127.0.0.1"],
    "10.1.2.3": ["10.1.2.3"],
    "192.168.0.7": ["192.168.0.7"],
    "::1": ["::1"],
    "stack.internal": ["172.20.0.4"],
    "shop.example": ["203.0.114.9"],
    "::ffff:203.0.114.9": ["::ffff:203.0.114.9"],
    "::ffff:10.0.0.1": ["::ffff:10.0.0.1"],
    "half.example": ["10.0.0.1", "203.0.114.9"],
}


def resolve(host: str) -> list[str]:
    if host not in ADDRESSES:
        raise OSError(host)
    return ADDRESSES[host]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8010",
        "https://127.0.0.1",
        "http://10.1.2.3/api",
        "http://[::1]:80",
        "http://[::ffff:10.0.0.1]",
        "http://stack.internal",
    ],
)
def test_this_machine_and_private_networks_may_be_loaded(url: str) -> None:
    assert given_target(f"{url}/", (), resolve) == url


@pytest.mark.parametrize(
    "url", ["http://shop.example", "https://half.example:8443", "HTTP://SHOP.EXAMPLE", "http://[::ffff:203.0.114.9]"]
)
def test_any_other_host_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="neither this machine nor in a private network"):
        given_target(url, (), resolve)


def test_a_host_that_is_named_may_be_loaded() -> None:
    assert given_target("http://Shop.example:80", ("shop.EXAMPLE",), resolve) == "http://Shop.example:80"


def test_another_host_does_not_come_with_it() -> None:
    with pytest.raises(Refused):
        given_target("http://half.example", ("shop.example",), resolve)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:99999",
        "http://u:p@127.0.0.1",
        "http://127.0.0.1/?a=b",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(Refused, match="address"):
        given_target(url, (), resolve)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(Refused) as error:
        given_target("http://u:hunter2@127.0.0.1", (), resolve)
    assert "hunter2" not in str(error.value)


def test_a_host_without_an_address() -> None:
    with pytest.raises(Refused, match="no address"):
        given_target("http://nowhere.example", (), resolve)
