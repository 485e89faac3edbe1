"""Refusals of requests that can't be carried out as asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.inputs import ObservedInputs


def check_services(stack: Stack, names: Iterable[str]) -> None:
    """Refuse names that are no services of the stack."""
    for name in names:
        if name not in stack.services:
            raise Refused(f"unknown service {name!r}", f"services: {', '.join(sorted(stack.services))}")


def check_checkout(state: State, folder: str) -> None:
    """Refuse to change a stack that runs from the files of another checkout: its secrets and configuration differ."""
    elsewhere = sorted({r.folder for r in state.replicas if r.occupied and r.folder not in {"", folder}})
    if elsewhere:
        raise Refused(
            f"{state.project} runs from another checkout ({', '.join(elsewhere)})",
            "work there; or stop it (invoke down, volumes stay); or choose another name (COMPOSE_PROJECT_NAME)",
        )


def check_scalable(stack: Stack, counts: Mapping[str, int]) -> None:
    """Refuse a number of replicas for a service that can't have more than one."""
    scalable = f"scalable: {', '.join(stack.scalable)}"
    for name, count in counts.items():
        service = stack.services[name]
        if count != 1 and service.fixed:
            raise Refused(
                f"{name} can't have {count} replicas: only one container can have {' and '.join(service.fixed)}",
                "take that out of the Compose file; the engine gives each replica its own",
            )
        if name in stack.jobs:
            raise Refused(f"{name} is a job: it is run, not scaled", scalable)
        if count != 1 and not service.scalable:
            raise Refused(f"{name} can't be scaled", scalable)


def check_replaceable(stack: Stack, state: State, services: Iterable[str]) -> None:
    """Refuse services that can't be replaced while they serve."""
    for name in services:
        service, outage = stack.services[name], f"{name} can't be replaced without an outage"
        if name in stack.jobs:
            way = "invoke migrate" if name == stack.migrations else "invoke up, before what waits for it starts"
            raise Refused(f"{name} is a job: it is run, not deployed", f"run it with: {way}")
        if service.fixed:
            raise Refused(
                f"{outage}: only one container can have {' and '.join(service.fixed)}",
                "take that out of the Compose file, or plan an outage: invoke down, then invoke up",
            )
        if name != stack.balancer and not service.scalable:
            raise Refused(f"{outage}: it has one container, which keeps state", "plan one: invoke down, then invoke up")
        if name == stack.balancer and not state.running(name):
            raise Refused(f"{name} does not run", "start it with: invoke up")
        if not state.lasting(name):
            raise Refused(f"nothing of {name} runs that could be replaced", f"start it with: invoke scale --{name} 1")


def check_networks(users: Mapping[str, Mapping[str, str]], leaving: Collection[str], one_offs: Collection[str]) -> None:
    """Refuse to remove networks that something stays connected to: the engine would, half-way.

    `users` is network -> container id -> name; `leaving` are the ids of containers that are removed before, `one_offs`
    those of `docker compose run`.
    """
    for network, connected in users.items():
        staying = {key: name for key, name in connected.items() if key not in leaving}
        own = [name for key, name in staying.items() if key in one_offs]
        others = [name for key, name in staying.items() if key not in one_offs]
        if own:
            raise Refused(
                f"network {network} is in use by {', '.join(own)}, left by `docker compose run`",
                "remove it as well: --remove-orphans",
            )
        if others:
            raise Refused(
                f"network {network} is in use by {', '.join(others)}, which is not part of this project",
                f"disconnect it first: docker network disconnect {network} {others[0]}",
            )


def check_pullable(stack: Stack, names: Iterable[str], inputs: ObservedInputs) -> None:
    """Refuse services whose image is missing, and must not be pulled (policy) or can't be had."""
    services = [stack.services[name] for name in names]
    for service in services:
        if stack.policy_of(service.image).forbids:
            raise Refused(
                f"{service.image} is not on this machine, and pull_policy: never of {service.name} forbids to pull it",
                "bring it here (docker load, docker build), or take the policy away",
            )
    check_obtainable((service.image for service in services), inputs)


def check_obtainable(images: Iterable[str], inputs: ObservedInputs) -> None:
    """Refuse images whose registries don't answer and that have no fallback image."""
    missing = [image for image in dict.fromkeys(images) if image in inputs.unobtainable]
    if missing:
        raise MissingPrerequisite(
            f"no registry answers for {', '.join(missing)}, and there is no fallback image",
            "load it from a file: docker load -i IMAGE.tar",
        )
