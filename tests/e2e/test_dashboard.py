import json
from typing import Any

import httpx
import pytest
from tests.e2e.asking import unique
from tests.e2e.driven import PATIENCE, Platform, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


def opened(platform: Platform, token: str) -> ClientConnection:
    url = platform.backend.replace("http://", "ws://") + "/ws/dashboard"
    return connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None)


def snapshot(socket: ClientConnection) -> dict[str, Any]:
    """The next snapshot."""
    while True:
        document: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE))
        if document["type"] == "snapshot":
            return document


def test_it_shows_the_services_and_the_tenants(platform: Platform) -> None:
    with opened(platform, platform.secrets["DASHBOARD_TOKEN"]) as socket:
        document = snapshot(socket)
    assert {"ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker"} <= document["services"].keys()
    assert document["services"]["ai-engine"]["ready"] >= 1
    assert {"acme", "globex"} <= document["tenants"].keys()
    assert {replica["service"] for replica in document["replicas"]} == document["services"].keys()


def test_it_shows_what_changes(platform: Platform, http: httpx.Client) -> None:
    with opened(platform, platform.secrets["DASHBOARD_TOKEN"]) as socket:
        before = snapshot(socket)["tenants"]["globex"]
        body = {"from": unique("ana"), "text": "hello"}
        http.post(f"{platform.backend}/v1/messages", json=body, headers=platform.bearer("globex"))

        def answered() -> dict[str, int] | None:
            now: dict[str, int] = snapshot(socket)["tenants"]["globex"]
            return now if now["messages_out"] > before["messages_out"] else None

        after = until(answered)
    assert after["messages_in"] > before["messages_in"]


def test_a_session_opens_it_and_no_other_session(platform: Platform, http: httpx.Client) -> None:
    address = f"{platform.backend}/v1/dashboard/session"
    made = http.post(address, headers={"Authorization": f"Bearer {platform.secrets['DASHBOARD_TOKEN']}"})
    assert made.status_code == 201
    session = made.json()["token"]
    with opened(platform, session) as socket:
        assert {"acme", "globex"} <= snapshot(socket)["tenants"].keys()
    assert http.post(address, headers={"Authorization": f"Bearer {session}"}).status_code == 401


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_token_it_shows_nothing(platform: Platform, token: str) -> None:
    with opened(platform, token) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_its_page_asks_nobody_else_for_anything(platform: Platform, http: httpx.Client) -> None:
    page = http.get(f"{platform.backend}/dashboard")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "://" not in page.text.replace('"wss://"', "").replace('"ws://"', "")
