"""What the last deploy replaced, from its journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.shop import Shop

from optimus_ops.change.journal import Journal
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Keep, Start
from optimus_ops.rollout.last_deploy import replaced_by_last_deploy, with_another_image
from optimus_ops.rollout.scale import scale

WHY = Cause("stale")


def starts(service: str, batch: str) -> Start:
    return Start(counts=((service, 2),), batch=batch, cause=WHY)


def write(folder: Path, purpose: str, *steps: Step, done: bool = True) -> None:
    journal = Journal.begin(folder, Plan("shop", purpose, steps))
    if done:
        journal.write("done", complaints=[])
    else:
        journal.write("failed", error="x", interrupted=False)
        journal.write("undo", undone=[])


def test_services_of_batches_were_replaced_and_images_kept_where_they_changed(tmp_path: Path) -> None:
    kept = Keep(service="web", images=("sha256:1",), cause=WHY)
    write(
        tmp_path,
        "deploy",
        kept,
        starts("db", ""),
        starts("web", "web, batch 1 of 1"),
        starts("worker", "worker, batch 1 of 1"),
    )
    write(tmp_path, "scale", starts("db", ""))
    write(tmp_path, "deploy", starts("seed", "seed, batch 1 of 1"), done=False)
    assert replaced_by_last_deploy(tmp_path, "shop") == {"web": ("sha256:1",), "worker": ()}


@pytest.mark.parametrize(
    ("purposes", "message"),
    [
        ((), "has no deploy"),
        (("scale",), "has no deploy"),
        (("deploy", "rollback"), "rolled the last deploy back already"),
        (("deploy",), "replaced no service"),
    ],
)
def test_without_something_to_roll_back_it_is_refused(tmp_path: Path, purposes: tuple[str, ...], message: str) -> None:
    for purpose in purposes:
        write(tmp_path, purpose, starts("db", ""))
    with pytest.raises(Refused, match=message):
        replaced_by_last_deploy(tmp_path, "shop")


def test_an_image_goes_back_where_another_one_runs(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    state = shop.engine.observe("shop")
    runs = state.running("web")[0].image_id
    assert with_another_image({"web": ("sha256:old",), "worker": ()}, state) == ("web",)
    assert with_another_image({"web": ("sha256:old", runs)}, state) == ()
