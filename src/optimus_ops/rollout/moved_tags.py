"""Tags that moved in their registries, found before anything is planned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from optimus_ops.engine.port import Engine
from optimus_ops.engine.registry import registry_digests
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.pull_policy import Asking
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State


def moved_tags(engine: Engine, stack: Stack, services: Iterable[str], asking: Asking = "by policy") -> dict[str, str]:
    """Return image -> its digest in the registry, of images that are another one there than on this machine.

    An image that is not on this machine is fetched in any case, so that no registry is asked about it.
    """
    images = dict.fromkeys(stack.services[name].image for name in services)
    names = [image for image in images if stack.policy_of(image).may_ask(asking)]
    here = {name: image for name in names if (image := engine.image(name)) is not None}
    now = datetime.now(UTC)
    asked = [name for name in here if stack.policy_of(name).asks(here[name].tagged_at, now, asking)]
    found = registry_digests(engine, asked)
    return {name: digest for name, digest in found.items() if digest not in here[name].digests}


def moved_while_idle(engine: Engine, stack: Stack, state: State) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return moved tags, by policy, of images that nothing runs on, and what could not be found out.

    Where a registry doesn't answer, what is on this machine starts: a stack that is down is worse than an image of
    yesterday.
    """
    busy = {service.image for name, service in stack.services.items() if state.running(name)}
    names = [name for name, service in stack.services.items() if service.image not in busy and not service.off]
    try:
        return moved_tags(engine, stack, names), ()
    except MissingPrerequisite:
        raise
    except OpsError as error:
        return {}, (f"{error.message}; what is on this machine is started",)
