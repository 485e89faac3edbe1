"""Whether a deploy keeps every contract, and in which order: the one question that a deploy asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.contracts.order import deploy_order
from optimus_ops.contracts.reading import contracts_of_images

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from optimus_ops.contracts.model import Contract
    from optimus_ops.engine.observe import Docker


@dataclass(frozen=True)
class Agreement:
    """What came of the comparison.

    Args:
        order: the services in an order in which they can be deployed.
        pairs: consumer and provider of each pair that was compared.
        unknown: services of the deploy, or that its contracts name, of which a version carries no contract.
    """

    order: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return one line for the step that asked."""
        compared = ", ".join(f"{consumer} -> {provider}" for consumer, provider in self.pairs)
        said = f"compatible: {compared}" if compared else "nothing to compare"
        return f"{said}; without a contract: {', '.join(self.unknown)}" if self.unknown else said


def agree_on_deploy(
    docker: Docker,
    images: Mapping[str, str],
    running: Mapping[str, Collection[str]],
    *,
    from_checkout: Mapping[str, Contract | None] | None = None,
) -> Agreement:
    """Compare the contracts of new images with those of everything that runs.

    Args:
        docker: the engine that has the images.
        images: service that is deployed -> name or id of its new image.
        running: service -> ids of the images that its replicas run, for all services of the stack.
        from_checkout: service -> contract, for new images that are yet to be built.

    Raises:
        Refused: a contract would be broken, or is malformed; the message names consumer, provider, endpoint and field.
        MachineLacks: the engine doesn't answer.
    """
    known = from_checkout or {}
    here = [image for service, image in images.items() if service not in known]
    read = contracts_of_images(docker, [*here, *(image for replicas in running.values() for image in replicas)])
    new = {service: known[service] if service in known else read[image] for service, image in images.items()}
    old = {service: tuple(read[image] for image in dict.fromkeys(used)) for service, used in running.items()}
    return agreement(new, old)


def agreement(
    deploying: Mapping[str, Contract | None], running: Mapping[str, tuple[Contract | None, ...]]
) -> Agreement:
    """Return the order of a deploy, and what it rests on.

    Args:
        deploying: service -> the contract of its new version.
        running: service -> the contracts of its running versions, for all services.

    Raises:
        Refused: as `deploy_order`.
    """
    order = deploy_order(deploying, running)
    versions = {
        name: (*_new(name, deploying), *running.get(name, ())) for name in dict.fromkeys([*deploying, *running])
    }
    named = {
        (consumer, provider): None
        for consumer, contracts in versions.items()
        for contract in contracts
        if contract is not None
        for provider in contract.needs
        if versions.get(provider) and deploying.keys() & {consumer, provider}
    }
    involved = dict.fromkeys([*deploying, *(name for pair in named for name in pair)])
    unknown = tuple(name for name in involved if None in versions[name])
    pairs = tuple(pair for pair in named if any(contract is not None for contract in versions[pair[1]]))
    return Agreement(order, pairs, unknown)


def _new(name: str, deploying: Mapping[str, Contract | None]) -> tuple[Contract | None, ...]:
    return (deploying[name],) if name in deploying else ()
