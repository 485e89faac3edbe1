"""Profiles of load tests as arrivals."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.autoscale.simulate.profile import profile_arrivals
from optimus_ops.errors import Refused
from optimus_ops.loadtest.model import Flow, LoadPlatform, Profile, RequestClass, Stage
from optimus_ops.loadtest.records import FlowKey

CHAT, HOOK = RequestClass("chat", "ai-engine", 8010), RequestClass("webhook", "backend", 8020)
PLATFORM = LoadPlatform((CHAT, HOOK), ("acme", "globex"), Path(), Path(), Path(), CHAT)
SPIKE = (Stage(0, 10), Stage(2, 10), Stage(4, 100))


def profile(*flows: Flow) -> Profile:
    return Profile("spike", flows, seconds=6)


def test_the_rates_of_a_service_s_classes_are_summed_over_tenants() -> None:
    acme, globex = (Flow(FlowKey("chat", tenant), SPIKE) for tenant in ("acme", "globex"))
    hooks = Flow(FlowKey("webhook", "acme"), (Stage(0, 5),))
    arrivals = profile_arrivals(profile(acme, globex, hooks), PLATFORM, "ai-engine")
    assert arrivals.rates == {"chat": (20, 20, 65, 155, 200, 200)}
    assert arrivals.step == 4


def test_a_constant_load_has_no_step() -> None:
    steady = profile_arrivals(profile(Flow(FlowKey("chat"), (Stage(0, 5),))), PLATFORM, "ai-engine")
    assert steady.step is None


def test_users_are_no_arrivals_and_other_services_have_none() -> None:
    users = profile(Flow(FlowKey("chat"), users=10))
    for service in ("ai-engine", "memory-engine"):
        with pytest.raises(Refused, match=f"no arrivals for {service}"):
            profile_arrivals(users, PLATFORM, service)
