"""`invoke autoscale` on the fake engine: it follows, gives way to people, and ends between two ticks."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.containers import Behaviour
from tests.fakes.shop import Shop

from optimus_ops.autoscale.act import Action, recover, scale_to
from optimus_ops.autoscale.config import AutoscaleConfig, parse_config
from optimus_ops.autoscale.heartbeat import Heartbeat
from optimus_ops.autoscale.loop import CHANGE_SECONDS, PATIENCE_SECONDS, PAUSE_SECONDS, Autoscaler
from optimus_ops.autoscale.model import Ceiling, Decision, History, ServiceSettings, Signals
from optimus_ops.autoscale.reading import Ended, Reading
from optimus_ops.autoscale.signals import Readings
from optimus_ops.autoscale.tick import DecisionRule
from optimus_ops.change.lock import stack_lock
from optimus_ops.errors import Interrupted, OpsError, Refused
from optimus_ops.model.state import Replica
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.scale import scale
from optimus_ops.system.wait import Clock

WEB = "services:\n  web: {min: 1, max: 4, slots: 10, target_in_flight: 7, start_up_lead: 8, cool_down: 20}\n"
Load = Callable[[float], float]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a running shop with one replica."""
    made = Shop.open(tmp_path)
    scale(made.context(), ScaleRequest({"web": 1}), made.prober)
    made.process_ends()
    return made


def reader(load: Load, silent: tuple[str, ...] = ()) -> Callable[[Iterable[Replica], Clock], Readings]:
    """Return what reads a load of requests in flight, shared by the replicas that are ready."""
    ended = itertools.count()

    def read(replicas: Iterable[Replica], clock: Clock) -> Readings:
        count, there = next(ended), [found for found in replicas if found.service == "web"]
        now = clock.monotonic()
        each = Reading(load(now) / max(len(there), 1), ended={"/": Ended(count, 0.5 * count)})
        return Readings(now, {found.id: each for found in there if found.name not in silent})

    return read


def autoscaler(
    shop: Shop, load: Load, config: AutoscaleConfig | None = None, silent: tuple[str, ...] = (), *, plan: bool = False
) -> Autoscaler:
    context = shop.context(plan=plan)

    def act(counts: Mapping[str, int]) -> Action:
        return scale_to(lambda: shop.context(plan=plan), counts, shop.prober)

    return Autoscaler(
        context,
        context.observe()[0].stack,
        config or parse_config(WEB),
        act,
        lambda: recover(shop.context(), shop.prober),
        reader(load, silent),
        shop.engine.clock,
    )


def test_it_follows_the_load_up_and_down_again(shop: Shop) -> None:
    begin = shop.engine.clock.now
    made = autoscaler(shop, lambda now: 21.0 if now < begin + 60 else 0.0)
    made.run(once=False, seconds=40)
    assert len(shop.ready("web")) == 3
    made.run(once=False, seconds=200)
    assert len(shop.ready("web")) == 1
    counts = [change["counts"] for change in made.changes]
    assert counts == [{"web": 3}, {"web": 2}, {"web": 1}] or counts[-2:] == [{"web": 2}, {"web": 1}]


def test_once_acts_at_most_once(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 100.0)
    made.run(once=True, seconds=float("inf"))
    assert (made.ticks, len(made.changes)) == (2, 1)
    # Ten slots are busy, and 90 requests of half a second that wait are to be served within 5 s.
    assert len(shop.ready("web")) == 3


def test_the_plan_changes_nothing(shop: Shop) -> None:
    before = shop.snapshot()
    made = autoscaler(shop, lambda _now: 100.0, plan=True)
    made.run(once=True, seconds=float("inf"))
    assert shop.snapshot() == before
    assert "start web=3" in shop.printed.getvalue()
    assert made.document()["result"] == "planned"


def test_a_silent_replica_holds_its_service(shop: Shop) -> None:
    before = shop.snapshot()
    made = autoscaler(shop, lambda _now: 100.0, silent=("shop-web-1",))
    made.run(once=True, seconds=float("inf"))
    assert shop.snapshot() == before
    assert "held: missing: /metrics of shop-web-1" in shop.printed.getvalue()


def test_a_manual_change_under_way_wins_and_the_tick_is_skipped(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 100.0)
    with stack_lock(shop.project.state / "locks", "shop", "invoke deploy web"):
        made.run(once=True, seconds=float("inf"))
    assert [change["outcome"] for change in made.changes] == ["skipped"]
    assert "skipped: shop is locked by" in shop.printed.getvalue()
    assert len(shop.ready("web")) == 1


def test_a_change_that_fails_is_undone_and_a_pause_follows(shop: Shop) -> None:
    image = shop.engine.images(["web:1"])["web:1"]
    shop.engine.behaviours[image] = Behaviour(healthy_after=2.0, exits_after=0.5, exit_code=7)
    made = autoscaler(shop, lambda _now: 100.0)
    made.run(once=False, seconds=PAUSE_SECONDS / 2)
    assert [change["outcome"] for change in made.changes] == ["failed"]
    assert len(shop.state("web").replicas) == 1
    assert "held: the last change failed" in shop.printed.getvalue()
    with pytest.raises(OpsError, match="not scaled"):
        made.check_outcome()


def test_a_signal_ends_it_between_two_ticks(shop: Shop) -> None:
    clock = shop.engine.clock
    clock.alarms[clock.now + 7] = lambda: signal.raise_signal(signal.SIGINT)
    made = autoscaler(shop, lambda _now: 1.0)
    made.run(once=False, seconds=10_000)
    assert 3 <= made.ticks <= 5
    assert made.document()["result"] == "done"


def test_a_signal_amid_a_change_undoes_it(shop: Shop) -> None:
    clock = shop.engine.clock
    before = shop.snapshot()
    # The second look is after two seconds, and new replicas take another one to be healthy.
    clock.alarms[clock.now + 2.5] = lambda: signal.raise_signal(signal.SIGINT)
    made = autoscaler(shop, lambda _now: 100.0)
    with pytest.raises(Interrupted):
        made.run(once=False, seconds=10_000)
    assert shop.snapshot() == before


def test_a_second_one_is_refused(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 1.0)
    other = autoscaler(shop, lambda _now: 1.0)
    refusals: list[Refused] = []

    def read(replicas: Iterable[Replica], clock: Clock) -> Readings:
        with pytest.raises(Refused) as refused:
            other.run(once=True, seconds=1)
        refusals.append(refused.value)
        return reader(lambda _now: 1.0)(replicas, clock)

    replace(made, read=read).run(once=True, seconds=1)
    assert refusals[0].message.startswith("shop-autoscale is locked by")


def test_a_service_that_the_stack_does_not_have_is_refused(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 1.0, parse_config(WEB.replace("web:", "wob:")))
    with pytest.raises(Refused, match=r"config/autoscale\.yaml:2:8: wob is no service that can be scaled"):
        made.run(once=True, seconds=1)


def test_a_stopped_service_stays_stopped(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 100.0)
    for container in shop.ready("web"):
        container.end(0)
    made.run(once=True, seconds=1)
    assert shop.ready("web") == []
    assert "it does not run" in shop.printed.getvalue()


def test_after_a_change_it_decides_by_what_arrives_since_and_not_by_the_time_of_the_change(shop: Shop) -> None:
    made = autoscaler(shop, lambda _now: 21.0)
    clock, act, began = shop.engine.clock, made.scale, [float("inf")]

    def scale_and_grow(counts: Mapping[str, int]) -> Action:
        began[0] = clock.now + 1
        return act(counts)

    def read(replicas: Iterable[Replica], clock: Clock) -> Readings:
        now = clock.monotonic()
        ended = 10.0 * now + 20.0 * max(now - began[0], 0.0)
        return Readings(now, {found.id: Reading(21.0, ended={"/": Ended(ended, ended / 2)}) for found in replicas})

    rates: list[float] = []

    def spy(
        signals: Signals, history: History, settings: ServiceSettings, _ceiling: Ceiling
    ) -> tuple[Decision, History]:
        rates.append(round(signals.arrivals / max(signals.ready, 1)))
        wanted = 1 if len(rates) < 4 else 2
        return Decision(settings.service, signals.at, signals.current, wanted, wanted), history

    made = replace(made, scale=scale_and_grow, read=read, rule=DecisionRule(spy))
    made.run(once=False, seconds=30)
    assert len(made.changes) == 1
    assert set(rates[1:4]) == {10}
    assert set(rates[4:]) == {30}


def test_its_heart_beats_before_each_tick_and_before_a_change_or_its_undoing(shop: Shop, tmp_path: Path) -> None:
    path, told = tmp_path / "beat", list[float]()

    class Told(Heartbeat):
        def expect(self, seconds: float) -> None:
            told.append(seconds)

    made = replace(autoscaler(shop, lambda _now: 21.0), heartbeat=Told(path))
    made.run(once=True, seconds=float("inf"))
    assert told == [CHANGE_SECONDS, *[made.rule.interval + PATIENCE_SECONDS] * 2, CHANGE_SECONDS]


def test_what_a_killed_autoscaler_left_is_taken_back_before_the_first_look(shop: Shop) -> None:
    looked: list[int] = []

    def recovered() -> Action:
        looked.append(made.ticks)
        return Action("restored", "the replicas before change 2")

    made = replace(autoscaler(shop, lambda _now: 1.0), recover=recovered)
    made.run(once=True, seconds=1)
    assert looked == [0]
    assert "restored: the replicas before change 2" in shop.printed.getvalue()


def test_the_lead_is_what_starts_were_seen_to_take(shop: Shop) -> None:
    leads: list[float] = []

    def spy(
        signals: Signals, history: History, settings: ServiceSettings, _ceiling: Ceiling
    ) -> tuple[Decision, History]:
        leads.append(settings.start_up_lead)
        wanted = 1 if len(leads) < 2 else 2
        return Decision(settings.service, signals.at, signals.current, wanted, wanted), history

    made = replace(autoscaler(shop, lambda _now: 1.0), rule=DecisionRule(spy))
    made.run(once=False, seconds=30)
    [change] = made.changes
    assert leads[:2] == [8, 8]
    assert leads[-1] == pytest.approx(change["seconds"], abs=0.001)
    assert leads[-1] != 8
