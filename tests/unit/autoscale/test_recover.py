"""An autoscaler that was killed amid a change: the next one takes it back by itself; those of people are theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.fakes.faults import MOMENTS, Fault, Killed, Moment
from tests.fakes.shop import Shop

from optimus_ops.autoscale.act import Action, recover, scale_to
from optimus_ops.change.history import unfinished
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.scale import scale

STEPS = 3


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a running shop with two replicas, followed by an autoscaler."""
    made = Shop.open(tmp_path)
    scale(made.context(), ScaleRequest({"web": 2}), made.prober)
    made.process_ends()
    monkeypatch.setattr(sys, "argv", ["invoke", "autoscale", "--for", "8h"])
    return made


def killed(shop: Shop, count: int, step: int, moment: Moment) -> None:
    fault = Fault("SIGKILL", step, moment, shop)
    with fault.injected(), pytest.raises(Killed):
        scale_to(shop.context, {"web": count}, shop.prober)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.parametrize("count", [4, 1])
def test_the_next_autoscaler_goes_back_to_what_ran_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, count: int, step: int, moment: Moment
) -> None:
    killed(shop, count, step, moment)
    monkeypatch.setattr(sys, "argv", ["invoke", "autoscale"])
    action = recover(shop.context(), shop.prober)
    assert action is not None
    assert action.outcome == "restored"
    assert len(shop.ready("web")) == len(shop.state("web").of("web")) == 2
    shop.process_ends()
    assert unfinished(shop.context().journal, "shop") is None
    assert scale_to(shop.context, {"web": 3}, shop.prober) == Action("done")
    assert len(shop.ready("web")) == 3


def test_a_change_amid_which_another_autoscaler_died_is_taken_back_instead_of_scaling(shop: Shop) -> None:
    killed(shop, 4, 1, "amid")
    assert scale_to(shop.context, {"web": 4}, shop.prober).outcome == "restored"
    assert len(shop.ready("web")) == 2


def test_a_change_of_a_person_is_left_to_them_with_the_commands_that_help(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke", "scale", "--web", "4"])
    killed(shop, 4, 2, "before")
    monkeypatch.setattr(sys, "argv", ["invoke", "autoscale"])
    before = shop.snapshot()
    action = recover(shop.context(), shop.prober)
    assert action is not None
    assert action.outcome == "skipped"
    assert "go on by invoke scale --web 4 or go back to the replicas before it by: invoke scale" in action.reason
    assert shop.snapshot() == before
    # As it says.
    monkeypatch.setattr(sys, "argv", ["invoke", "scale"])
    scale(shop.context(), ScaleRequest(), shop.prober)
    shop.process_ends()
    assert recover(shop.context(), shop.prober) is None
    assert len(shop.ready("web")) == 2


def test_without_a_killed_change_there_is_nothing_to_recover(shop: Shop) -> None:
    before = shop.snapshot()
    assert recover(shop.context(), shop.prober) is None
    assert shop.snapshot() == before
