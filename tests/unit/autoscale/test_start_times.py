"""The lead that counts: that of the configuration, then the median of the last starts."""

from __future__ import annotations

from tests.unit.autoscale.settings import SETTINGS

from optimus_ops.autoscale.start_times import StartTimes


def lead(*seconds: float, service: str = SETTINGS.service) -> float:
    times = StartTimes()
    for each in seconds:
        times = times.noting([service], each)
    return times.applied(SETTINGS).start_up_lead


def test_before_the_first_start_the_configured_lead_counts() -> None:
    assert lead() == SETTINGS.start_up_lead
    assert lead(3.0, service="another one") == SETTINGS.start_up_lead


def test_one_slow_start_of_many_changes_nothing() -> None:
    assert lead(4.0, 4.0, 90.0) == 4.0


def test_the_last_five_starts_count() -> None:
    assert lead(20.0, 20.0, 20.0, 4.0, 5.0, 6.0, 5.0, 4.0) == 5.0
