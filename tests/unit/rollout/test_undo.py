"""What an undo restores, and what it says where it can't."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.containers import Behaviour
from tests.fakes.faults import Fault, Killed
from tests.fakes.host import Call
from tests.fakes.shop import Shop

from optimus_ops.change.history import Outcome, read_history
from optimus_ops.errors import Interrupted, MissingPrerequisite, OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.deploy import deploy
from optimus_ops.rollout.down import down
from optimus_ops.rollout.requests import DeployRequest, DownRequest
from optimus_ops.rollout.scale import scale


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop with two replicas of web."""
    made = Shop.open(tmp_path)
    scale(made.context(), ScaleRequest({"web": 2}), made.prober)
    made.process_ends()
    return made


def deploy_2(shop: Shop, tag: str = "2") -> None:
    deploy(shop.context(), DeployRequest(("web",), tag, observe=1), shop.prober)


def undo_of(shop: Shop) -> str:
    """Return why the last change could not be undone."""
    return str(shop.journal()[-1].get("error", ""))


def test_after_an_interrupted_down_the_stack_comes_up_with_the_numbers_that_it_had(shop: Shop) -> None:
    fault = Fault("SIGINT", 5, "before", shop)
    with fault.injected(), pytest.raises(Interrupted):
        down(shop.context(), DownRequest(), shop.prober)
    assert "removed already: shop-nginx-lb-1, shop-web-1, shop-web-2, shop-worker-1" in undo_of(shop)
    [change, *_] = read_history(shop.project.state / "journal", "shop").changes
    assert change.outcome == Outcome.HALF_UNDONE
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    assert len(shop.ready("web")) == 2


def test_a_change_that_was_killed_at_its_end_is_over_when_its_command_has_nothing_left_to_do(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
    fault = Fault("SIGKILL", 3, "after", shop)
    with fault.injected(), pytest.raises(Killed):
        scale(shop.context(), ScaleRequest({"web": 2}), shop.prober)
    assert len(shop.ready("web")) == 2
    scale(shop.context(), ScaleRequest({"web": 2}), shop.prober)
    assert "nothing to do" in shop.printed.getvalue()
    [change, *_] = read_history(shop.project.state / "journal", "shop").changes
    assert (change.outcome, change.steps) == (Outcome.DONE, ())
    deploy_2(shop)
    assert len(shop.ready("web")) == 2


class OldOnesStay(Fault):
    """A signal, after which the first replicas of web can't be started again."""

    def hook(self, call: Call) -> None:
        """Refuse to start one."""
        if self.struck and call.name == "start" and call.arguments[0].startswith("web-"):
            raise OpsError("its port is taken")
        super().hook(call)


def test_new_replicas_stay_where_the_old_ones_can_not_be_started_again(shop: Shop) -> None:
    before = shop.snapshot()
    with OldOnesStay("SIGTERM", 15, "after", shop).injected(), pytest.raises(Interrupted):
        deploy_2(shop)
    assert "its port is taken" in undo_of(shop)
    assert "new replicas of web stay" in undo_of(shop)
    assert "the migrations stay" in undo_of(shop)
    assert shop.schema.revision == "2"
    assert len(shop.ready("web")) == 2
    # The others are restored all the same.
    assert shop.snapshot()["files"] == before["files"]


def test_a_new_replica_that_dies_while_old_ones_drain_is_noticed(shop: Shop) -> None:
    before = shop.snapshot()
    fault = Fault("container died", 15, "amid", shop, "web")
    with fault.injected(), pytest.raises(OpsError, match="shop-web-4 ended with 137"):
        deploy_2(shop)
    assert shop.snapshot() == before


def test_an_engine_that_does_not_come_back_is_given_up(shop: Shop) -> None:
    fault = Fault("engine gone", 4, "after", shop, gone_seconds=1000)
    with fault.injected(), pytest.raises(MissingPrerequisite, match="stopped answering"):
        deploy_2(shop)
    assert undo_of(shop).startswith("the Docker engine did not come back within 90 s")


def test_a_version_that_ends_is_undone_with_its_last_words(shop: Shop) -> None:
    before = shop.snapshot()
    with pytest.raises(OpsError, match=r"shop-web-3 ended with 7; its last output:\n    no such table"):
        deploy(shop.context(), DeployRequest(("web",), "ends", observe=10), shop.prober)
    assert shop.snapshot() == before


def test_a_migration_is_taken_back_where_the_version_fails_after_it(shop: Shop) -> None:
    shop.engine.behaviours[shop.engine.images(["web:2"])["web:2"]] = Behaviour(healthy_after=1e9)
    with pytest.raises(OpsError, match="shop-web-3 is not healthy"):
        deploy_2(shop)
    assert shop.schema.revision == "1"
    assert "1" in shop.journal()[-1]["undone"]


def test_who_does_not_drain_in_time_is_a_complaint_and_no_failure(shop: Shop) -> None:
    for container in shop.engine.containers.values():
        container.behaviour = Behaviour(drains=None)
    with pytest.raises(OpsError, match="shop-web-2 did not drain within 20 s and was killed"):
        scale(shop.context(), ScaleRequest({"web": 1}), shop.prober)
    assert len(shop.ready("web")) == 1
    assert shop.journal()[-1]["event"] == "done"


def test_what_was_frozen_goes_on_and_is_frozen_again_by_an_undo(shop: Shop) -> None:
    worker = shop.ready("worker")[0].id
    shop.engine.pause(worker)
    with pytest.raises(OpsError):
        deploy_2(shop, "mute")
    assert {found.id: found.status for found in shop.state().replicas}[worker] == "paused"
    deploy_2(shop)
    assert {found.id: found.status for found in shop.state().replicas}[worker] == "running"
