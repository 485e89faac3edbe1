"""Refusals of images that can't be pulled or built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import MachineLacks, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.model.stack import Stack
    from optimus_ops.plan.inputs import ObservedInputs


def check_pullable(stack: Stack, names: Iterable[str], inputs: ObservedInputs) -> None:
    """Refuse services whose image is missing and can't be pulled.

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
    check_obtainable((service.image for service in services), inputs)


def check_obtainable(images: Iterable[str], inputs: ObservedInputs) -> None:
    """Refuse images whose registries don't answer and that have no stand-in."""
    missing = [image for image in dict.fromkeys(images) if image in inputs.unobtainable]
    if missing:
        raise MachineLacks(
            f"no registry answers for {', '.join(missing)}, and there is no stand-in",
            "load it from a file: docker load -i IMAGE.tar",
        )
