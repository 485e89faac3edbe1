"""New replicas are watched for a while: by what the balancer logs of them, and by whether they stay well."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.containers import Behaviour
from tests.fakes.shop import Shop

from optimus_ops.errors import OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.deploy import deploy
from optimus_ops.rollout.requests import DeployRequest
from optimus_ops.rollout.scale import scale


def shop_of(folder: Path) -> Shop:
    shop = Shop.open(folder)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    shop.process_ends()
    return shop


def test_a_new_replica_without_a_port_that_ends_meanwhile_is_undone(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    image = shop.engine.add_image("worker:ends", f"sha256:{99:064x}")
    shop.engine.behaviours[image] = Behaviour(healthy_after=None, exits_after=3.0, exit_code=7)
    with pytest.raises(OpsError, match="the new worker is worse than the old: shop-worker-2"):
        deploy(shop.context(), DeployRequest(("worker",), "ends", observe=6), shop.prober)
    assert [found.image for found in shop.ready("worker")] == ["worker:1"]


def test_a_balancer_whose_log_tells_nothing_is_complained_of(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    shop.ready("nginx-lb")[0].output[:] = ["a line in some other format"] * 20
    with pytest.raises(OpsError, match=r"done as planned, but:\n.*the new web was judged without the balancer's log"):
        deploy(shop.context(), DeployRequest(("web",), "2", observe=1), shop.prober)
    assert [found.image for found in shop.ready("web")] == ["web:2"]
