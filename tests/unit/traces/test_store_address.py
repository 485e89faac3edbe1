"""Addresses of stores: what is let in, and what of it is ever shown."""

from __future__ import annotations

import base64

import pytest
from tests.unit.traces.store_server import reply, serving, tempo

from optimus_ops.errors import Refused
from optimus_ops.traces.store_address import HEADERS_VARIABLE, parse_address
from optimus_ops.traces.store_http import StoreClient


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://localhost:3200", "http://localhost:3200"),
        ("http://10.0.0.7:3200/", "http://10.0.0.7:3200"),
        ("https://tempo.example/tempo/", "https://tempo.example/tempo"),
        ("http://[::1]:3200", "http://[::1]:3200"),
        ("http://me:pass@tempo.example/x", "http://tempo.example/x"),
    ],
)
def test_an_address_is_shown_without_credentials(text: str, shown: str) -> None:
    address = parse_address(text, "--tempo", {})
    assert str(address) == shown
    assert "pass" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:3200",
        "tempo",
        "ftp://tempo:3200",
        "file:///etc/passwd",
        "http://",
        "http://:3200",
        "http://host:99999",
        "http://host:x",
        "http://host:0",
        "http://host/a b",
        "http://host\r\nX: y/",
        "http://host/?q=1",
        "http://host/#f",
        "http://[::1",
        "http://secret@@host:x",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_address(text, "--tempo", {})
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(("flag", "port"), [("--tempo", 3200), ("--otlp", 4318), ("--loki", 3100), ("--target", 8010)])
def test_a_refusal_shows_what_is_wanted_of_this_flag(flag: str, port: int) -> None:
    with pytest.raises(Refused, match=f"http://localhost:{port}"):
        parse_address("nonsense", flag, {})


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://172.18.0.4:1", True),
        ("http://[fd00::1]:1", True),
        ("http://tempo:1", True),
        ("http://localhost", True),
        ("http://tempo.internal", True),
        ("http://8.8.8.8", False),
        ("https://tempo.example", False),
    ],
)
def test_near_addresses_are_told_from_far_ones(text: str, *, local: bool) -> None:
    assert parse_address(text, "--tempo", {}).local is local


def test_user_and_headers_go_with_every_request() -> None:
    with serving({"/here/ready": reply("ready")}) as server:
        environ = {HEADERS_VARIABLE: "X-Scope-OrgID=acme, authorization=Bearer%20t"}
        address = parse_address(f"http://127.0.0.1:{server.port}/here", "--tempo", environ)
        assert StoreClient(address).get("/ready").status == 200
        named = parse_address(f"http://me:p%40ss@127.0.0.1:{server.port}/here", "--tempo", {})
        assert StoreClient(named).get("/ready").status == 200
    (_, first), (_, second) = server.asked
    assert (first["x-scope-orgid"], first["authorization"]) == ("acme", "Bearer t")
    assert second["authorization"] == f"Basic {base64.b64encode(b'me:p@ss').decode()}"


@pytest.mark.parametrize("text", ["secret", "=secret", "X Y=secret", "X=secret%0d%0aY: z", "X=secret\x00", "X=ä"])
def test_headers_that_no_request_can_carry_are_refused(text: str) -> None:
    with pytest.raises(Refused, match=HEADERS_VARIABLE) as refusal:
        parse_address("http://tempo:3200", "--tempo", {HEADERS_VARIABLE: text})
    assert "secret" not in str(refusal.value)


def test_a_near_store_is_asked_without_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(tempo()) as server:
        assert server.client().get("/ready").status == 200


def test_a_far_store_is_asked_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/*": reply("proxied")}) as server:
        monkeypatch.setenv("http_proxy", f"http://me:word@127.0.0.1:{server.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        address = parse_address("http://tempo.example:3200/x", "--tempo", {})
        StoreClient(address).get("/ready")
    ((path, headers),) = server.asked
    assert path == "http://tempo.example:3200/x/ready"
    assert headers["proxy-authorization"] == f"Basic {base64.b64encode(b'me:word').decode()}"
    assert headers["host"] == "tempo.example:3200"
