"""Services that the others do without: added beside what runs, and no reason to undo anything where they fail."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from tests.fakes.containers import Behaviour
from tests.fakes.shop import MODEL, Shop

from optimus_ops.change.options import Deadlines
from optimus_ops.errors import OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.down import down
from optimus_ops.rollout.requests import DownRequest
from optimus_ops.rollout.scale import scale

UP = ScaleRequest(purpose="up")
FAILS = Behaviour(healthy_after=None, exits_after=1.0, exit_code=7, output=("no such option",))
LATE = Behaviour(healthy_after=1000.0)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop with a collector in its files, which has a health check."""
    model = deepcopy(MODEL)
    model["services"]["collector"] = {
        "image": "db:1",
        "labels": {"com.optimus.optional": "true"},
        "healthcheck": {"test": ["CMD", "true"]},
    }
    return Shop.open(tmp_path, model)


def running(shop: Shop) -> dict[str, str]:
    return {found.id: found.service for found in shop.state().replicas if found.running}


def test_it_is_added_beside_what_runs(shop: Shop) -> None:
    services = shop.compose.model["services"]
    whole = services.pop("collector")
    scale(shop.context(), UP, shop.prober)
    before = running(shop)
    assert "collector" not in before.values()
    shop.process_ends()

    services["collector"] = whole
    scale(shop.context(), UP, shop.prober)
    after = running(shop)
    assert [name for found, name in after.items() if found not in before] == ["collector"]
    assert before.items() <= after.items()


@pytest.mark.parametrize(("how", "told"), [(FAILS, "ended with 7"), (LATE, "is not healthy after 5 s")])
def test_where_it_fails_the_rest_goes_on_and_the_command_says_so(shop: Shop, how: Behaviour, told: str) -> None:
    shop.engine.behaviours["collector"] = how
    complaint = rf"done as planned, but:\n.*collector.*{told}.*the other services do without it"
    with pytest.raises(OpsError, match=complaint):
        scale(shop.context(deadlines=Deadlines(healthy=5)), UP, shop.prober)
    assert {"db", "web", "worker", "nginx-lb"} <= set(running(shop).values())


def test_down_removes_it_with_the_rest(shop: Shop) -> None:
    scale(shop.context(), UP, shop.prober)
    shop.process_ends()
    down(shop.context(), DownRequest(False, False))
    assert shop.state().replicas == ()
