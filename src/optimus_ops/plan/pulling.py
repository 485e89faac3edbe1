"""Which images are pulled, and which can't be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import MachineLacks, Refused
from optimus_ops.model.state import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.model.stack import Stack
    from optimus_ops.plan.scale import ObservedInputs


def check_pullable(stack: Stack, names: Iterable[str], around: ObservedInputs) -> None:
    """Refuse what needs an image that is not on this machine and can't be pulled.

    Raises:
        Refused: its policy is never to pull it.
        MachineLacks: its registry doesn't answer, and there is no stand-in.
    """
    services = [stack.services[name] for name in names]
    for service in services:
        if stack.policy_of(service.image).forbids:
            raise Refused(
                f"{service.image} is not on this machine, and pull_policy: never of {service.name} forbids to pull it",
                "bring it here (docker load, docker build), or take the policy away",
            )
    check_obtainable((service.image for service in services), around)


def check_obtainable(images: Iterable[str], around: ObservedInputs) -> None:
    """Refuse what needs images that nobody gives.

    Raises:
        MachineLacks: their registries don't answer, and there is no stand-in.
    """
    lacking = [image for image in dict.fromkeys(images) if image in around.unobtainable]
    if lacking:
        raise MachineLacks(
            f"no registry answers for {', '.join(lacking)}, and there is no stand-in",
            "load it from a file: docker load -i IMAGE.tar",
        )


def moved_cause(stack: Stack, names: Iterable[str], around: ObservedInputs) -> str:
    """Return why images are pulled that are on this machine."""
    images = dict.fromkeys(stack.services[name].image for name in names)
    return "; ".join(f"{image} is {short_id(around.moved[image])} in its registry now" for image in images)
