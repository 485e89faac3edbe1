"""Addresses that the smoke test of traces is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.traces.fake_platform import ORDER, FakePlatform
from tests.unit.traces.smoke_run import found, smoke, told

from optimus_ops.errors import Refused
from optimus_ops.traces.smoke.places import PlaceFlags, find_places
from optimus_ops.traces.smoke.probe import ProbeSet


def test_a_target_that_does_not_answer_is_told() -> None:
    result = smoke(FakePlatform(), target=("http://127.0.0.1:9",))
    assert told(result) == "web: the request failed"
    assert found(result, "answer") == "connection refused"


def test_only_services_with_an_address_are_asked() -> None:
    platform = FakePlatform()
    other = replace(ORDER, name="inside", service="stock", inside=True)
    result = smoke(platform, ProbeSet((ORDER, other)))
    assert (result.left_out, len(result.probes)) == (("inside",), 1)


def test_without_any_address_nothing_is_sent() -> None:
    platform = FakePlatform()
    with pytest.raises(Refused, match="no address for any request"):
        smoke(platform, target=("stock=http://127.0.0.1:9",))
    assert not platform.requests


@pytest.mark.parametrize(
    "flags", [{"tempo": "localhost"}, {"otlp": "ftp://x"}, {"loki": "http://x/?a=1"}, {"target": ("web=",)}]
)
def test_addresses_that_are_none_are_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=rf"--{next(iter(flags))}"):
        FakePlatform(port=9).places(**flags)


def test_an_address_keeps_its_password_to_itself() -> None:
    with pytest.raises(Refused) as refused:
        find_places(PlaceFlags(tempo="http://me:hidden@"), {}, lambda: pytest.fail("no stack"), "lb", "")
    assert "hidden" not in str(refused.value)
