"""The server over HTTP: who is let in, and the SDK's client against a process that listens."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from starlette.testclient import TestClient
from tests.unit.guardrails.conftest import Checkout
from tests.unit.guardrails.serve.server_process import server_process

from optimus_ops.errors import Refused
from optimus_ops.guardrails.serve.asking import Asker
from optimus_ops.guardrails.serve.http import application, listen
from optimus_ops.guardrails.serve.server import make_server
from optimus_ops.guardrails.serve.token import read_token, shows_token

TOKEN = "k" * 43
PORT = 8765
HOST = f"127.0.0.1:{PORT}"
HEADERS = {
    "Host": HOST,
    "Authorization": f"Bearer {TOKEN}",
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
HELLO = (
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"test","version":"1"}}}'
)


def status(headers: dict[str, str], text: str = HELLO) -> int:
    """Return the answer's status to a greeting with other headers; an empty one is left out."""
    app: Any = application(make_server(Asker()), PORT, TOKEN)
    chosen = {name: value for name, value in {**HEADERS, **headers}.items() if value}
    with TestClient(app, base_url=f"http://{HOST}") as client:
        return int(client.post("/mcp", content=text, headers=chosen).status_code)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Host": f"localhost:{PORT}"}, 200),
        ({"Origin": f"http://localhost:{PORT}"}, 200),
        ({"Authorization": ""}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        # A name that somebody else's server answers by this machine's address.
        ({"Host": f"evil.example:{PORT}"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_who_shows_the_token_and_comes_by_this_machines_name_is_let_in(headers: dict[str, str], expected: int) -> None:
    assert status(headers) == expected


def test_a_body_that_is_too_large_is_refused() -> None:
    assert status({}, "x" * 9_000_000) == 413


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN} {TOKEN}", False),
        ("Bearer ä", False),
    ],
)
def test_a_header_shows_the_token_or_does_not(header: str, shown: bool) -> None:
    assert shows_token(header.encode(), TOKEN) is shown


def test_a_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = read_token(path, make=True)
    assert read_token(path, make=True) == token
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(Refused, match="others can read"):
        read_token(path, make=True)


@pytest.mark.parametrize("text", ["", "short", f"{TOKEN}\n{TOKEN}", "ä" * 40, "x" * 5000])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Refused, match="a token is one word"):
        read_token(path, make=True)
    with pytest.raises(Refused, match="no such file"):
        read_token(tmp_path / "other", make=False)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Refused, match="port"):
        listen(taken.getsockname()[1])
    with pytest.raises(Refused, match="port"):
        listen(99_999)


LISTENING = re.compile(r"guardrails answer at (http://127\.0\.0\.1:\d+/mcp); clients show the token of (.+)\n")


async def status_of_checked_change(address: str, token: str) -> str:
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {token}"})
    async with http, Client(streamable_http_client(address, http_client=http)) as client:
        answer = (await client.call_tool("check_diff", {})).structured_content
    return str(answer and answer["status"])


def test_the_client_of_the_sdk_asks_a_process_that_ends_upon_a_signal(checkout: Checkout) -> None:
    checkout.write("src/shop/store.py", "from shop import web\n")
    with server_process(checkout.root, "--http", "--port", "0") as server:
        assert server.process.stdout
        line = server.process.stdout.readline().decode()
        found = LISTENING.fullmatch(line)
        assert found
        token = Path(found[2]).read_text().strip()
        assert token not in line
        assert anyio.run(status_of_checked_change, found[1], token) == "failed"
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
