"""Secrets that change while completions are under way, through HTTP."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optimus_kit.secrets_in_use import FOLDER, KEY, fingerprint, processes

FAKE = {"PROVIDERS": "fake", "FAKE_MODELS": "big"}


def keys_used(fake_server: Any) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in fake_server.received]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a file, written by another task of this process
            await asyncio.sleep(0.02)


def uses(folder: Path, name: str, value: str) -> Callable[[], bool]:
    """Whether this process reports that it uses the value."""
    wanted = fingerprint("fingerprint-key", name, value)

    def reported() -> bool:
        for entry in processes(folder):
            secrets = entry["secrets"]
            assert isinstance(secrets, dict)
            return bool(secrets.get(name) == wanted)
        return False

    return reported


async def test_a_request_under_way_ends_with_the_key_that_it_began_with(
    start: Any, fake_server: Any, events: Any, completion: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    go_on = asyncio.Event()
    fake_server.answers = [events("from ", then=go_on.wait), completion("the new one")]
    keys = tmp_path / "secrets" / "FAKE_API_KEYS"
    secrets = {"FAKE_API_KEYS": "old-key", KEY: "fingerprint-key"}
    async with start(secrets=secrets, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        streamed = asyncio.create_task(replica.ask(model="big", stream=True))
        await until(lambda: len(fake_server.received) == 1)
        keys.write_text("new-key")
        # An idle replica notices by itself.
        await until(uses(tmp_path / FOLDER, "FAKE_API_KEYS", "new-key"))
        after = await replica.ask(model="big")
        go_on.set()
        during = await streamed
        metrics = (await replica.client.get("/metrics")).text
    assert after.json()["choices"][0]["message"]["content"] == "the new one"
    assert "from " in during.text
    assert during.text.rstrip().endswith("data: [DONE]")
    assert keys_used(fake_server) == ["old-key", "new-key"]
    assert 'optimus_provider_key_state{key="1",provider="fake",reason="",state="closed"} 1.0' in metrics
    assert 'key="2"' not in metrics
    assert not [word for word in ("old-key", "new-key") if word in json.dumps(metrics)]


async def test_a_provider_is_on_offer_once_its_first_key_is_there(
    start: Any, fake_server: Any, completion: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    fake_server.answers = [completion("hello")]
    async with start(secrets={KEY: "fingerprint-key"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        assert (await replica.ask(model="big")).status_code == 404
        (tmp_path / "secrets" / "FAKE_API_KEYS").write_text("first-key")
        await until(uses(tmp_path / FOLDER, "FAKE_API_KEYS", "first-key"))
        assert (await replica.ask(model="big")).status_code == 200
    assert keys_used(fake_server) == ["first-key"]


async def test_both_keys_of_a_tenant_open_it_while_they_are_rotated(
    start: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with start(secrets={KEY: "fingerprint-key"}) as replica:
        (tmp_path / "secrets" / "TENANT_ACME_API_KEY_SECONDARY").write_text("next-key")
        await until(uses(tmp_path / FOLDER, "TENANT_ACME_API_KEY_SECONDARY", "next-key"))
        for key in ("key-acme", "next-key"):
            answer = await replica.ask(headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200
        metrics = (await replica.client.get("/metrics")).text
    for secret in ("primary", "secondary"):
        assert f'optimus_tenant_key_matches_total{{secret="{secret}",tenant="acme"}} 1.0' in metrics
