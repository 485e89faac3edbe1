"""Everything that a service is given is a reason to replace what runs: on somebody else's project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.shop import Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Return a running shop with one replica."""
    made = Shop.made(tmp_path_factory.mktemp("shop"), "shop")
    try:
        made.platform.invoke("scale", "--web", "1").check()
        yield made
    finally:
        made.remove()


def causes(shop: Shop, **environ: str) -> list[str]:
    """Return why web would be deployed; nothing if it would not."""
    steps = shop.platform.invoke("deploy", "web", "--plan", "--json", **environ).check().json["plan"]["steps"]
    return sorted({step["cause"] for step in steps if step["step"] == "stop"})


def test_a_service_that_only_builds_runs_and_differs_in_nothing(shop: Shop) -> None:
    assert shop.running() == [f"{shop.platform.project}-web-1"]
    assert causes(shop) == []
    assert shop.platform.invoke("up", "--json").check().json["plan"] == {
        "project": shop.platform.project,
        "purpose": "up",
        "steps": [],
        "notes": [],
    }


def test_a_change_of_anything_that_a_service_is_given_is_noticed(shop: Shop) -> None:
    changed = {
        "app.yaml": "tenants: [globex]\n",
        "conf/a.conf": "b\n",
        "key.txt": "1235",
        ".env": "GREETING=bye\n",
        "web.env": "COLOUR=blue\n",
    }
    environ = {"TOKEN": "second", "WORD": "two", "MODE": "fancy"}
    before = {path: (shop.compose / path).read_text() for path in changed}
    notes = next(shop.platform.folder.joinpath("state", "configs").glob("*.json"))
    noted = notes.read_text()
    given = "its configuration changed (a.conf, inline, variable, file); its secrets changed (key, token)"
    environment = "the environment changed (COLOUR, MODE)"
    try:
        for path, text in changed.items():
            (shop.compose / path).write_text(text)
        assert causes(shop, **environ) == [f"web: {environment}; {given}"]
        # As of a container that somebody else has started.
        notes.unlink()
        assert causes(shop, **environ) == [f"web: {environment}; {given}"]
    finally:
        notes.write_text(noted)
        for path, text in before.items():
            (shop.compose / path).write_text(text)
    assert causes(shop) == []


def test_new_replicas_beside_former_ones_are_named_and_a_deploy_brings_all_to_one_version(shop: Shop) -> None:
    project = shop.platform.project
    changed = {"TOKEN": "second"}
    plan: dict[str, Any] = (
        shop.platform.invoke("scale", "--web", "2", "--plan", "--json", **changed).check().json["plan"]
    )
    note = (
        "web: new replicas run beside 1 of 1 that differ: its secrets changed (token);"
        " bring all to one version with: invoke deploy web"
    )
    assert plan["notes"] == [note]
    shop.platform.invoke("scale", "--web", "2", **changed).check()
    assert [shop.read(f"{project}-web-{n}", "/run/secrets/token") for n in (1, 2)] == ["first", "second"]
    told = shop.platform.invoke("status", **changed).check().out
    assert "web: its secrets changed (token) in 1 of 2 replicas; apply it with: invoke deploy web" in told
    shop.platform.invoke("deploy", "web", "--observe", "0", **changed).check()
    assert causes(shop, **changed) == []
    assert {shop.read(name, "/run/secrets/token") for name in shop.running()} == {"second"}
    assert len(shop.running()) == 2


def test_no_secret_is_written_down(shop: Shop) -> None:
    for path in shop.platform.folder.joinpath("state").rglob("*"):
        if path.is_file() and path.stat().st_size < 10**6:
            text = path.read_text("utf-8", "replace")
            assert "first" not in text
            assert "1234" not in text
