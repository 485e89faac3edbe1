"""The order in which services are deployed, so that no two versions meet that do not fit.

While a service is deployed, its old and its new version run side by side. So a new version meets the old one of every
service that comes later, the new one of every service that came earlier, and what runs of all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.contracts.compare import breaks
from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.contracts.model import Break, Contract

Deploying = Mapping[str, "Contract | None"]
Running = Mapping[str, Sequence["Contract | None"]]


@dataclass(frozen=True)
class Meeting:
    """Two versions that would not fit, should they meet.

    Args:
        consumer_is_new: whether it is the consumer's new version; else one that runs.
        provider_is_new: likewise.
        found: what does not fit.
    """

    consumer_is_new: bool
    provider_is_new: bool
    found: Break


def deploy_order(deploying: Deploying, running: Running) -> tuple[str, ...]:
    """Return an order in which services can be deployed one after another.

    A service without a contract fits everything. Versions that run side by side already are not judged again.

    Args:
        deploying: service -> the contract of its new version; the order is kept where nothing speaks against it.
        running: service -> the contracts of its running versions, for all services.

    Raises:
        Refused: a new version does not fit one that is not deployed, or no order avoids a pair that does not fit; the
            message names consumer, provider, endpoint and field.
    """
    meetings = tuple(_meetings(deploying, running))
    for meeting in meetings:
        _refuse_the_unavoidable(meeting, deploying)
    before = {service: _predecessors(service, meetings) for service in deploying}
    order: list[str] = []
    while len(order) < len(deploying):
        ready = [service for service in deploying if service not in order and before[service] <= set(order)]
        if not ready:
            raise _no_order(meetings, [service for service in deploying if service not in order])
        order.append(ready[0])
    return tuple(order)


def _meetings(deploying: Deploying, running: Running) -> Iterator[Meeting]:
    """Yield the pairs of versions that do not fit and do not run side by side already."""
    for consumer in dict.fromkeys([*deploying, *running]):
        for consumer_is_new, user in _versions(consumer, deploying, running):
            for provider, need in user.expects.items():
                for provider_is_new, offerer in _versions(provider, deploying, running):
                    if user in running.get(consumer, ()) and offerer in running.get(provider, ()):
                        continue
                    found = breaks(consumer, need, provider, offerer.provides)
                    if found:
                        yield Meeting(consumer_is_new, provider_is_new, found[0])


def _versions(service: str, deploying: Deploying, running: Running) -> Iterator[tuple[bool, Contract]]:
    new = deploying.get(service)
    if new is not None:
        yield True, new
    yield from ((False, old) for old in running.get(service, ()) if old is not None)


def _refuse_the_unavoidable(meeting: Meeting, deploying: Deploying) -> None:
    """Refuse if two versions meet in any order.

    Raises:
        Refused: they do.
    """
    found = meeting.found
    both = found.consumer in deploying and found.provider in deploying and found.consumer != found.provider
    if meeting.consumer_is_new and meeting.provider_is_new:
        raise Refused(f"the new versions do not fit: {found}", f"change {found.consumer} or {found.provider}")
    if both:
        return
    if meeting.provider_is_new:
        raise Refused(
            f"the new {found.provider} breaks the running {found.consumer}: {found}",
            f"let {found.provider} serve both the old and the new way first, then deploy {found.consumer}, "
            "and drop the old way last",
        )
    raise Refused(
        f"the new {found.consumer} does not fit the running {found.provider}: {found}",
        f"deploy a {found.provider} that offers it first, or both at once: "
        f"invoke deploy {found.provider} {found.consumer}",
    )


def _predecessors(service: str, meetings: Sequence[Meeting]) -> set[str]:
    """Return the services that must be deployed before this one, so that certain versions never meet."""
    found = {m.found.provider for m in meetings if m.found.consumer == service and m.consumer_is_new}
    return found | {m.found.consumer for m in meetings if m.found.provider == service and m.provider_is_new}


def _no_order(meetings: Sequence[Meeting], left: Sequence[str]) -> Refused:
    involved = [str(m.found) for m in meetings if m.found.consumer in left and m.found.provider in left]
    providers = dict.fromkeys(m.found.provider for m in meetings if m.found.provider in left)
    said = f"no order of {', '.join(left)} keeps versions apart that do not fit:"
    return Refused(
        "\n    ".join([said, *dict.fromkeys(involved)]),
        f"let {', '.join(providers)} serve both the old and the new way first, then deploy the others",
    )
