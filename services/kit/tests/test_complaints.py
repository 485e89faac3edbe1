"""Log lines about spans that are lost: few, and one when they are taken again."""

import logging

import pytest

from optimus_kit.telemetry.complaints import Complaints


def test_a_collector_that_fails_is_told_of_once_a_minute_and_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    complaints = Complaints(lambda: 7, lambda: now)
    with caplog.at_level(logging.INFO, "optimus.telemetry"):
        for second in range(150):
            now = float(second)
            complaints("the collector answers 500")
        complaints(None)
        complaints(None)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    failed = ("WARNING", "spans are not exported: the collector answers 500; 7 were dropped before")
    assert lines == [failed, failed, failed, ("INFO", "spans are exported again; 7 were dropped so far")]


def test_a_collector_that_works_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "optimus.telemetry"):
        Complaints(lambda: 0)(None)
    assert not caplog.records
