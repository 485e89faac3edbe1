"""Budgets of autoscaling: how many replicas have room beside what runs, by the arithmetic of `scale`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimus_ops.autoscale.model import Ceiling, ServiceSettings
from optimus_ops.errors import Refused
from optimus_ops.model.budgets import Limits

FIXED_PORT = "a fixed port"


def ceiling_of(limits: Limits, peak: Mapping[str, int], service: str) -> Ceiling:
    """Return the most replicas of a service that fit, the budget that has no room for one more, and the pace.

    `peak` is service -> replicas that run at once; the service's own number doesn't matter.
    """
    most = limits.largest(peak, service)
    at_once = max(int(limits.capacity.cpus), 1)
    if most is None:
        return Ceiling(at_once=at_once)
    beyond = limits.budgets({**peak, service: most + 1})
    exceeded = next((budget for budget in beyond if budget.exceeded), None)
    resource, text = (exceeded.resource, exceeded.text) if exceeded else (FIXED_PORT, "")
    return Ceiling(most, resource, text, at_once)


def check_bounds(settings: Sequence[ServiceSettings], limits: Limits, places: Mapping[str, str]) -> None:
    """Refuse bounds that the budgets can't bear; `places` has file and line of each service.

    All services have to fit at their `min` together, and each at its `max` beside the others at theirs `min`: a number
    that can never be reached only hides where the limit is.
    """
    peak = {
        name: service.default_replicas for name, service in limits.stack.services.items() if not service.scalable
    } | {found.service: found.least for found in settings}
    exceeded = [budget for budget in limits.budgets(peak) if budget.exceeded]
    if exceeded:
        least = ", ".join(f"{found.service}={found.least}" for found in settings)
        texts = "\n".join(f"over budget in {budget.text}" for budget in exceeded)
        place = places[settings[0].service]
        raise Refused(f"{place}: the least numbers ({least}) don't fit together\n{texts}", "lower a `min`")
    for found in settings:
        ceiling = ceiling_of(limits, peak, found.service)
        if ceiling.replicas is not None and found.most > ceiling.replicas:
            arithmetic = f"\nwith one more than fits, {ceiling.arithmetic}" if ceiling.arithmetic else ""
            raise Refused(
                f"{places[found.service]}: {found.service}: max {found.most} can never be reached:"
                f" {ceiling.replicas} fit in {ceiling.resource}, the others at their min{arithmetic}",
                f"set max to at most {ceiling.replicas}",
            )
