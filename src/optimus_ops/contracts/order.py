"""The order in which services are deployed, so that no two versions meet that do not fit.

While a service is deployed, its old and its new version run side by side. So a new version meets the old one of every
service that comes later, the new one of every service that came earlier, and what runs of all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import Break, Contract
from optimus_ops.errors import Refused

# Service -> the contract of its new version.
Deploying = Mapping[str, "Contract | None"]
# Service -> the contracts of its running versions, for all services.
Running = Mapping[str, Sequence["Contract | None"]]


@dataclass(frozen=True)
class Conflict:
    """Two versions that would not fit, should they meet: each a new one, or one that runs."""

    consumer_is_new: bool
    provider_is_new: bool
    found: Break


def deploy_order(deploying: Deploying, running: Running) -> tuple[str, ...]:
    """Return an order in which services can be deployed one after another; the given one where it can be kept.

    A service without a contract fits everything. Versions that run side by side already are not judged again.

    Raises:
        Refused: a new version does not fit one that is not deployed, or no order avoids a pair that does not fit; the
            message names consumer, provider, endpoint and field.
    """
    conflicts = tuple(_conflicts(deploying, running))
    for conflict in conflicts:
        _refuse_the_unavoidable(conflict, deploying)
    before = {service: _predecessors(service, conflicts) for service in deploying}
    order: list[str] = []
    while len(order) < len(deploying):
        left = [service for service in deploying if service not in order]
        ready = next((service for service in left if before[service] <= set(order)), None)
        if ready is None:
            raise _no_order(conflicts, left)
        order.append(ready)
    return tuple(order)


def _conflicts(deploying: Deploying, running: Running) -> Iterator[Conflict]:
    """Yield the pairs of versions that do not fit and do not run side by side already."""
    for consumer in dict.fromkeys([*deploying, *running]):
        for consumer_is_new, user in _versions(consumer, deploying, running):
            for provider, need in user.expects.items():
                for provider_is_new, offerer in _versions(provider, deploying, running):
                    if user in running.get(consumer, ()) and offerer in running.get(provider, ()):
                        continue
                    if found := breaks(consumer, need, provider, offerer.provides):
                        yield Conflict(consumer_is_new, provider_is_new, found[0])


def _versions(service: str, deploying: Deploying, running: Running) -> Iterator[tuple[bool, Contract]]:
    new = deploying.get(service)
    if new is not None:
        yield True, new
    yield from ((False, old) for old in running.get(service, ()) if old is not None)


def _refuse_the_unavoidable(conflict: Conflict, deploying: Deploying) -> None:
    """Refuse if two versions meet in any order."""
    found = conflict.found
    consumer, provider = found.consumer, found.provider
    if conflict.consumer_is_new and conflict.provider_is_new:
        raise Refused(f"the new versions do not fit: {found}", f"change {consumer} or {provider}")
    if consumer in deploying and provider in deploying and consumer != provider:
        return
    if conflict.provider_is_new:
        raise Refused(
            f"the new {provider} breaks the running {consumer}: {found}",
            f"let {provider} serve both the old and the new way first, then deploy {consumer}, "
            "and drop the old way last",
        )
    raise Refused(
        f"the new {consumer} does not fit the running {provider}: {found}",
        f"deploy a {provider} that offers it first, or both at once: invoke deploy {provider} {consumer}",
    )


def _predecessors(service: str, conflicts: Sequence[Conflict]) -> set[str]:
    """Return the services that must be deployed before this one, so that certain versions never meet."""
    found = {c.found.provider for c in conflicts if c.found.consumer == service and c.consumer_is_new}
    return found | {c.found.consumer for c in conflicts if c.found.provider == service and c.provider_is_new}


def _no_order(conflicts: Sequence[Conflict], left: Sequence[str]) -> Refused:
    found = [c.found for c in conflicts if c.found.provider in left]
    involved = [str(break_) for break_ in found if break_.consumer in left]
    providers = dict.fromkeys(break_.provider for break_ in found)
    return Refused(
        "\n    ".join(
            [f"no order of {', '.join(left)} keeps versions apart that do not fit:", *dict.fromkeys(involved)]
        ),
        f"let {', '.join(providers)} serve both the old and the new way first, then deploy the others",
    )
