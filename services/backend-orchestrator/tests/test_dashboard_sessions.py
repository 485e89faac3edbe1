"""The dashboard's sessions as clients see them: the exchange, the socket, a key that changes."""

import asyncio
import base64
import time
from pathlib import Path

import httpx
import jwt
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.support.asgi_socket import PATIENCE, Socket

from backend_orchestrator.app import build_app
from backend_orchestrator.sessions import AUDIENCE, COMPANION, ISSUER, LIFE_SECONDS, SIGNING_KEY, key_id

EXCHANGE = "/v1/dashboard/session"
PATH = "/ws/dashboard"


@pytest.fixture
def app(environ: dict[str, str], redis: Redis) -> FastAPI:
    del redis  # emptied by then
    return build_app(environ)


@pytest.fixture
def replica(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def exchanged(replica: httpx.AsyncClient) -> str:
    answer = await replica.post(EXCHANGE, headers=bearer("show-me"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def closed_with(app: FastAPI, token: str) -> int:
    """The code with which a socket is closed that this token asks for."""
    socket = Socket(app, PATH, headers=bearer(token))
    while (event := await socket.event())["type"] != "websocket.close":
        pass
    await socket.hang_up()
    return int(event["code"])


async def opens(app: FastAPI, token: str) -> bool:
    socket = Socket(app, PATH, headers=bearer(token))
    await socket.event()
    first = await socket.event()
    await socket.hang_up()
    return bool(first["type"] == "websocket.send")


async def test_the_token_is_exchanged_for_a_session_that_nothing_caches(replica: httpx.AsyncClient) -> None:
    answer = await replica.post(EXCHANGE, headers=bearer("show-me"))
    assert answer.status_code == 201
    assert answer.json().keys() == {"token", "expires_in"}
    assert answer.json()["expires_in"] == LIFE_SECONDS
    assert answer.headers["Cache-Control"] == "no-store"
    assert "show-me" not in answer.text


async def test_a_session_opens_the_dashboard_in_every_way_that_the_token_does(
    app: FastAPI, replica: httpx.AsyncClient
) -> None:
    session = await exchanged(replica)
    encoded = base64.urlsafe_b64encode(session.encode()).decode().rstrip("=")
    for socket in (
        Socket(app, PATH, headers=bearer(session)),
        Socket(app, PATH, offers=f"optimus.dashboard optimus.token.{encoded}"),
        Socket(app, PATH, query=f"token={session}"),
    ):
        await socket.event()
        assert (await socket.document())["type"] == "snapshot"
        await socket.hang_up()


@pytest.mark.parametrize("header", [{}, bearer("wrong"), bearer(""), {"Authorization": "Basic show-me"}])
async def test_nothing_else_is_exchanged(replica: httpx.AsyncClient, header: dict[str, str]) -> None:
    answer = await replica.post(EXCHANGE, headers=header)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_session_opens_no_other_session(replica: httpx.AsyncClient) -> None:
    assert (await replica.post(EXCHANGE, headers=bearer(await exchanged(replica)))).status_code == 401


async def test_a_session_can_be_asked_about_without_a_socket(replica: httpx.AsyncClient) -> None:
    session = await replica.get(EXCHANGE, headers=bearer(await exchanged(replica)))
    token = await replica.get(EXCHANGE, headers=bearer("show-me"))
    assert (session.status_code, token.status_code) == (200, 200)
    assert 0 < session.json()["expires_in"] <= LIFE_SECONDS
    assert token.json() == {"expires_in": None}
    for refused in ({}, bearer("wrong"), {"Authorization": "Basic show-me"}):
        assert (await replica.get(EXCHANGE, headers=refused)).status_code == 401


async def test_without_a_signing_key_the_token_alone_opens_it(environ: dict[str, str], redis: Redis) -> None:
    del redis  # emptied by then
    (Path(environ["SECRETS_DIR"]) / SIGNING_KEY).unlink()
    app = build_app(environ)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await client.post(EXCHANGE, headers=bearer("show-me"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_configured")
    assert await opens(app, "show-me")


async def test_a_socket_ends_with_the_session_that_opened_it(app: FastAPI, environ: dict[str, str]) -> None:
    key = (Path(environ["SECRETS_DIR"]) / SIGNING_KEY).read_text()
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 2}
    session = jwt.encode(claims, key, "HS256", headers={"kid": key_id(key)})
    assert await closed_with(app, session) == 4408


async def test_a_key_is_rotated_without_a_restart(
    app: FastAPI, replica: httpx.AsyncClient, environ: dict[str, str]
) -> None:
    folder = Path(environ["SECRETS_DIR"])
    old_key, new_key = (folder / SIGNING_KEY).read_text(), "another-signing-key-0123456789-0123456789"
    old = await exchanged(replica)
    (folder / COMPANION).write_text(old_key)
    (folder / SIGNING_KEY).write_text(new_key)
    async with asyncio.timeout(PATIENCE):
        while jwt.get_unverified_header(new := await exchanged(replica))["kid"] != key_id(new_key):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # files are looked at once a second, which nobody tells
    assert await opens(app, old)
    assert await opens(app, new)
    (folder / COMPANION).unlink()
    async with asyncio.timeout(PATIENCE):
        while await opens(app, old):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert await closed_with(app, old) == 4401
    assert await opens(app, new)


async def test_the_page_shows_the_token_to_the_exchange_alone(replica: httpx.AsyncClient) -> None:
    page = (await replica.get("/dashboard")).text
    assert EXCHANGE in page
    assert "token=" not in page
    assert "base64url(token)" not in page
