"""Properties of the decision, whatever was read before."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.autoscale.settings import follow

from optimus_ops.autoscale.decide import decide
from optimus_ops.autoscale.model import Ceiling, ClassLoad, History, ServiceSettings, Signals

rates = st.floats(0, 2_000)
times = st.floats(0, 60)
classes = st.lists(st.builds(ClassLoad, st.sampled_from(["chat", "stream"]), rates, times), max_size=3).map(tuple)


@st.composite
def settings(draw: st.DrawFn) -> ServiceSettings:
    least = draw(st.integers(1, 10))
    slots = draw(st.integers(1, 50))
    return ServiceSettings(
        "web",
        least,
        draw(st.integers(least, 60)),
        slots,
        draw(st.floats(0.5, slots)),
        draw(st.floats(0, 60)),
        draw(st.floats(0, 600)),
        draw(st.floats(1, 60)),
    )


@st.composite
def series(draw: st.DrawFn) -> list[Signals]:
    """Return readings of a service, whatever the time between them."""
    at, found = 0.0, []
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.floats(0.1, 90))
        missing = ("a",) if draw(st.integers(0, 9)) == 0 else ()
        found.append(
            Signals(
                at,
                draw(st.integers(0, 60)),
                draw(st.integers(0, 3)),
                draw(st.integers(0, 2)),
                draw(st.floats(0, 5_000)),
                draw(st.floats(0, 50_000)),
                classes=draw(classes),
                p99=draw(times),
                tenants=draw(st.dictionaries(st.sampled_from(["acme", "globex"]), rates)),
                missing=missing,
            )
        )
    return found


ceilings = st.builds(Ceiling, st.none() | st.integers(1, 60), st.just("memory"))


def history_of(readings: list[Signals], settings: ServiceSettings) -> History:
    history = History()
    for signals in readings:
        _, history = decide(signals, history, settings)
    return history


@given(series(), settings(), ceilings)
def test_bounds_are_kept_and_what_is_above_them_only_leaves(
    readings: list[Signals], own: ServiceSettings, ceiling: Ceiling
) -> None:
    history, bound = History(), min(own.most, ceiling.replicas or own.most)
    for signals in readings:
        decision, history = decide(signals, history, own, ceiling)
        if not decision.hold:
            assert decision.desired <= max(bound, signals.current)
            assert decision.desired >= min(own.least, bound)


@given(series(), settings(), ceilings)
def test_nothing_shrinks_in_panic_with_a_missing_signal_or_by_more_than_one_replica(
    readings: list[Signals], own: ServiceSettings, ceiling: Ceiling
) -> None:
    history = History()
    for signals in readings:
        decision, history = decide(signals, history, own, ceiling)
        held = decision.panic or signals.missing or signals.draining or signals.starting
        assert decision.desired >= signals.current - (0 if held else 1)


@given(series(), settings(), st.floats(1, 10), st.floats(0, 500), st.floats(0, 500))
def test_more_load_never_means_fewer_replicas(
    readings: list[Signals], own: ServiceSettings, factor: float, in_flight: float, queued: float
) -> None:
    *before, last = readings
    last = replace(last, missing=())
    more = replace(
        last,
        in_flight=last.in_flight + in_flight,
        queued=last.queued + queued,
        classes=tuple(replace(found, arrivals=found.arrivals * factor) for found in last.classes),
    )
    history = history_of(before, own)
    assert decide(more, history, own)[0].desired >= decide(last, history, own)[0].desired


@given(series(), settings(), ceilings)
def test_the_same_input_gives_the_same_answer(readings: list[Signals], own: ServiceSettings, ceiling: Ceiling) -> None:
    history = history_of(readings[:-1], own)
    assert decide(readings[-1], history, own, ceiling) == decide(readings[-1], history, own, ceiling)


@given(st.floats(0, 300), st.integers(1, 20))
def test_a_constant_load_is_left_alone_once_its_number_is_found(rate: float, ready: int) -> None:
    numbers = [decision.desired for decision in follow([rate] * 200, ready)]
    # Those that were there at first count for the cool-down, of which the long window is a part.
    rising = numbers[:135]
    assert rising == sorted(rising)
    # What there was too much at first leaves after the cool-down, and nothing comes back.
    assert numbers[150:] == sorted(numbers[150:], reverse=True)


@given(st.dictionaries(st.sampled_from("abcdefg"), rates, min_size=1), rates)
def test_no_tenant_is_shed_below_another_s_share(tenants: dict[str, float], served: float) -> None:
    from optimus_ops.autoscale.shed import fair_excess  # noqa: PLC0415

    excess = fair_excess(tenants, served)
    kept = {name: rate - excess.get(name, 0.0) for name, rate in tenants.items()}
    assert sum(kept.values()) <= max(served, 0.0) + 1e-6 * (1 + sum(tenants.values()))
    for name in excess:
        assert all(kept[name] >= kept[other] - 1e-6 * (1 + kept[other]) for other in tenants)
