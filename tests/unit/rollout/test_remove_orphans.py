"""What belongs to no service of the files any more: mentioned, and removed where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.shop import Shop

from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.down import down
from optimus_ops.rollout.requests import DownRequest
from optimus_ops.rollout.scale import scale


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a running shop with a container of a former service, and one that a job left."""
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    shop.process_ends()
    networks = dict.fromkeys(shop.engine.known_networks, "10.0.9.9")
    shop.engine.create("shop", "former", 1, "worker:1", networks=networks).start(shop.engine.clock.now)
    shop.engine.create("shop", "seed", 0, "worker:1", one_off=True).start(shop.engine.clock.now)
    return shop


def left(shop: Shop) -> set[str]:
    return {made.service for made in shop.engine.containers.values() if made.service == "former" or made.one_off}


def test_scale_mentions_them_and_leaves_them(shop: Shop) -> None:
    scale(shop.context(), ScaleRequest({"web": 2}), shop.prober)
    assert "--remove-orphans" in shop.printed.getvalue()
    assert left(shop) == {"former", "seed"}


def test_scale_removes_them_last(shop: Shop) -> None:
    scale(shop.context(), ScaleRequest({"web": 2}, remove_orphans=True), shop.prober)
    assert left(shop) == set()
    assert len(shop.ready("web")) == 2
    texts = [step["text"] for step in shop.journal()[0]["plan"]["steps"]]
    assert texts[0] == "start web=2"
    assert "shop-former-1" in texts[-1]


def test_down_removes_all_of_them(shop: Shop) -> None:
    down(shop.context(), DownRequest(prune_network=True, remove_orphans=True), shop.prober)
    assert shop.engine.containers == {}
    assert shop.engine.known_networks == {}
