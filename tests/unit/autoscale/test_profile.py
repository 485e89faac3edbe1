"""Profiles of load tests as arrivals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optimus_ops.autoscale.simulate.profile import profile_arrivals, project_arrivals
from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.model import Flow, LoadPlatform, Profile, RequestClass
from optimus_ops.loadtest.platform import describe_platform, load_platform
from optimus_ops.loadtest.profile_file import profile_names
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.project.settings import load_project

CHAT, HOOK = RequestClass("chat", "ai-engine", 8010), RequestClass("webhook", "backend", 8020)
PLATFORM = LoadPlatform((CHAT, HOOK), ("acme", "globex"), Path(), Path(), Path(), CHAT)
ROOT = Path(__file__).parents[3]
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


def test_the_project_s_profiles_are_read_where_no_tenant_has_a_key_yet(tmp_path: Path) -> None:
    project = replace(load_project(ROOT), secrets_file=tmp_path / "env.secrets")
    for name in ("spike", "steady", "noisy-neighbour"):
        assert max(project_arrivals(project, name, "ai-engine").offered(second) for second in range(30)) > 0
    assert {"spike", "noisy-neighbour"} <= set(profile_names(describe_platform(project)))
    with pytest.raises(Refused, match="no tenant has a key"):
        load_platform(project)
