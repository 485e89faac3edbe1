"""Profiles of load tests as arrivals at one service."""

from __future__ import annotations

from optimus_ops.autoscale.simulate.arrivals import kind_of, step_of
from optimus_ops.autoscale.simulate.model import Arrivals
from optimus_ops.errors import Refused
from optimus_ops.load.rates import rate_at
from optimus_ops.loadtest.model import LoadPlatform, Profile
from optimus_ops.loadtest.platform import describe_platform
from optimus_ops.loadtest.profile_file import read_profile
from optimus_ops.project.settings import Project


def project_arrivals(project: Project, profile: str, service: str) -> Arrivals:
    """Return the arrivals of a project's profile, read as `load-test` reads it."""
    platform = describe_platform(project)
    return profile_arrivals(read_profile(profile, platform, project.root), platform, service)


def profile_arrivals(profile: Profile, platform: LoadPlatform, service: str) -> Arrivals:
    """Return the arrival rates of a profile's classes that a service answers, all tenants together.

    Raises:
        Refused: it has none; users, who wait for their answers, are no arrivals.
    """
    own = {found.name for found in platform.classes if found.service == service}
    flows = [flow for flow in profile.flows if flow.stages and flow.key.request_class in own]
    if not flows:
        answered = ", ".join(sorted(own)) or "none"
        raise Refused(
            f"--profile {profile.name}: no arrivals for {service}",
            f"it answers: {answered}; another one: --service NAME",
        )
    rates: dict[str, list[float]] = {}
    for flow in flows:
        each = [rate_at(flow.stages, second + 0.5) for second in range(int(profile.seconds))]
        before = rates.get(flow.key.request_class, [0.0] * len(each))
        rates[flow.key.request_class] = [ours + own for ours, own in zip(before, each, strict=True)]
    kinds = tuple(kind_of(name) for name in rates)
    found = Arrivals(profile.name, kinds, {name: tuple(values) for name, values in rates.items()})
    return step_of(found)
