"""A profile made of flags: an endpoint, users or a rate, and tenants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimus_ops.commandline.usage import near
from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.model import MIXED, Flow, LoadPlatform, Profile, RequestClass, Threshold
from optimus_ops.loadtest.records import FlowKey

USERS = 10
ANY_FAILURES = Threshold(FlowKey(""), "failures", 0.01)
"""What a load by flags is judged by: hardly any request fails."""
PATH = "path"
"""Class of requests for a path."""


@dataclass(frozen=True, slots=True)
class LoadFlags:
    """What is asked for by flags; 0 and "" where nothing was given, seconds for the duration."""

    endpoint: str = ""
    users: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    tenants: tuple[str, ...] = ()


def flag_profile(flags: LoadFlags, platform: LoadPlatform, seconds: float) -> Profile:
    """Return the profile that flags ask for.

    Raises:
        Refused: there is no such endpoint or tenant, or both users and a rate are given.
    """
    if flags.users and flags.rate:
        raise Refused(
            "--users and --rate: one of them",
            "users wait for their answers; requests of a rate come whether the platform answers or not",
        )
    classes = chosen_classes(flags.endpoint or MIXED, platform)
    tenants = chosen_tenants(flags.tenants, platform)
    keys = [
        (FlowKey(each.name, tenant), each.weight / (len(tenants) if each.tenants else 1))
        for each in classes
        for tenant in (tenants if each.tenants else ("",))
    ]
    weights = [weight for _key, weight in keys]
    if flags.rate:
        whole = sum(weights)
        flows = [Flow(key, (Stage(0, flags.rate * weight / whole),)) for key, weight in keys]
    else:
        counts = apportioned(flags.users or USERS, weights)
        flows = [Flow(key, users=count) for (key, _weight), count in zip(keys, counts, strict=True) if count]
    load = f"{flags.rate:g} requests/s" if flags.rate else f"{flags.users or USERS} users"
    name = flags.endpoint or MIXED
    return Profile(name, tuple(flows), f"{load} of {name}", seconds, thresholds=(ANY_FAILURES,))


def chosen_classes(endpoint: str, platform: LoadPlatform) -> Sequence[RequestClass]:
    """Return the classes of an endpoint: one, those of `mixed`, or that of a path."""
    if endpoint.startswith("/"):
        if not re.fullmatch(r"/[!-~]*", endpoint):
            raise Refused(f"--endpoint {endpoint}: a path has no spaces and only ASCII characters")
        base = platform.path_class
        return (RequestClass(PATH, base.service, base.port, inside=base.inside),)
    if endpoint == MIXED:
        return tuple(each for each in platform.classes if each.weight > 0)
    for each in platform.classes:
        if each.name == endpoint:
            return (RequestClass(each.name, each.service, each.port, 1.0, each.inside, each.tenants),)
    names = [*(each.name for each in platform.classes), MIXED]
    raise Refused(f"--endpoint {endpoint}: no such endpoint", f"{nearest(endpoint, names)} (or a path: /v1/models)")


def chosen_tenants(names: Iterable[str], platform: LoadPlatform) -> Sequence[str]:
    """Return the tenants of a name each, all of them without one."""
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in platform.tenants:
            raise Refused(f"--tenant {name}: no such tenant with a key", nearest(name, platform.tenants))
    return names or platform.tenants


def nearest(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant, else what there is."""
    return near(name, known, f"there are: {', '.join(known) or 'none'}")


def apportioned(total: int, weights: Sequence[float]) -> Sequence[int]:
    """Divide a whole number by weights, as the largest remainders say; all of it is given out."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    counts = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda index: (counts[index] - exact[index], index))
    for index in order[: total - sum(counts)]:
        counts[index] += 1
    return counts
