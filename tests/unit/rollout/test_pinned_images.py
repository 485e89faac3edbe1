"""Which images a deploy or a rollback pins."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.shop import Shop
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.deploy import deploy, rollback
from optimus_ops.rollout.pinned_images import requested_images
from optimus_ops.rollout.requests import DeployRequest, RollbackRequest
from optimus_ops.rollout.scale import scale


def test_a_tag_is_put_behind_each_name_and_the_job_has_that_of_the_service_that_shares_its_image() -> None:
    assert requested_images({}, stack(), ("ai", "memory"), "1.4") == {
        "ai": "shop/ai:1.4",
        "memory": "shop/memory:1.4",
        "migrations": "shop/memory:1.4",
    }
    assert requested_images({}, stack(), ("ai",), "1.4") == {"ai": "shop/ai:1.4"}


def test_one_whole_name_can_not_be_that_of_different_images() -> None:
    assert requested_images({}, stack(), ("ai",), "other/ai:2") == {"ai": "other/ai:2"}
    with pytest.raises(Refused, match="is one image, and ai, memory run different ones"):
        requested_images({}, stack(), ("ai", "memory"), "other/ai:2")


def test_without_an_image_what_is_pinned_goes_back_to_the_files() -> None:
    assert requested_images({"ai": "shop/ai:2"}, stack(), ("ai", "memory"), "") == {"ai": ""}


def test_the_balancer_has_no_image_of_its_own_to_pin() -> None:
    assert requested_images({}, stack(), ("nginx-lb",), "1.4") == {}


def test_a_rollback_needs_an_image_that_is_kept_and_here(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    with pytest.raises(Refused, match="no image is known that web ran before"):
        rollback(shop.context(), RollbackRequest(("web",)), shop.prober)
    deploy(shop.context(), DeployRequest(("web",), "2", observe=0), shop.prober)
    for name in [name for image in shop.engine.known_images.values() for name in image.names if "kept-" in name]:
        shop.engine.untag(name)
    with pytest.raises(Refused, match="is not on this machine any more"):
        rollback(shop.context(), RollbackRequest(("web",)), shop.prober)


def web_images(shop: Shop) -> set[str]:
    return {replica.image_id for replica in shop.engine.observe("shop").running("web")}


def test_the_last_deploy_is_rolled_back_without_naming_services(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    before = web_images(shop)
    deploy(shop.context(), DeployRequest(("web",), "2", observe=0), shop.prober)
    assert web_images(shop) != before
    rollback(shop.context(), RollbackRequest((), last=True), shop.prober)
    assert web_images(shop) == before
    with pytest.raises(Refused, match="rolled the last deploy back already"):
        rollback(shop.context(), RollbackRequest((), last=True), shop.prober)


def test_without_a_deploy_there_is_none_to_roll_back(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    with pytest.raises(Refused, match="has no deploy"):
        rollback(shop.context(), RollbackRequest((), last=True), shop.prober)


@pytest.mark.parametrize(("services", "last"), [((), False), (("web",), True)])
def test_a_rollback_is_of_named_services_or_of_the_last_deploy(services: tuple[str, ...], last: bool) -> None:
    with pytest.raises(Refused, match="--last"):
        RollbackRequest(services, last=last)
