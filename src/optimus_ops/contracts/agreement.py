"""Whether a deploy keeps every contract, and in which order: the one question that a deploy asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from optimus_ops.contracts.model import FOLDER, Contract
from optimus_ops.contracts.order import Deploying, Running, deploy_order
from optimus_ops.contracts.reading import contract_of_checkout, contracts_of_images
from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.model.dockerfiles import arguments_of, inputs
from optimus_ops.model.merged_model import image_of


@dataclass(frozen=True)
class Agreement:
    """An order of deploy, the pairs (consumer, provider) that were compared, and services without a contract."""

    order: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return one line for the step that asked."""
        compared = ", ".join(f"{consumer} -> {provider}" for consumer, provider in self.pairs)
        text = f"compatible: {compared}" if compared else "nothing to compare"
        return f"{text}; without a contract: {', '.join(self.unknown)}" if self.unknown else text


def agree_on_deploy(
    engine: Engine,
    images: Mapping[str, str],
    running: Mapping[str, Collection[str]],
    *,
    to_come: Deploying | None = None,
) -> Agreement:
    """Compare the contracts of new images with those of everything that runs.

    `images` are the names or ids of new images by service, in the order that is kept where it can be; `running` the ids
    of what all services of the stack run. New images that are yet to be built or fetched have their contract in
    `to_come` (`contracts_to_come`).

    Raises:
        Refused: a contract would be broken, or is malformed; the message names consumer, provider, endpoint and field.
    """
    known = to_come or {}
    used = engine.images(image for replicas in running.values() for image in replicas)
    read = contracts_of_images(engine, [*used, *(image for service, image in images.items() if service not in known)])
    new = {service: known[service] if service in known else read[image] for service, image in images.items()}
    # An image that replicas run can be gone from the engine by force: nothing is known of it then.
    old = {service: tuple(read.get(image) for image in dict.fromkeys(ids)) for service, ids in running.items()}
    return agreement(new, old)


def check_deploy(engine: Engine, images: Mapping[str, str], running: Mapping[str, Collection[str]]) -> Agreement:
    """Check that images can be deployed in the order in which they are given."""
    agreed = agree_on_deploy(engine, images, running)
    if agreed.order != tuple(images):
        raise Refused(
            f"the images need another order than the planned one: {', '.join(agreed.order)}",
            "run the same command again, now that they are here",
        )
    return agreed


def contracts_to_come(document: Mapping[str, Any], images: Collection[str]) -> Mapping[str, Contract | None]:
    """Return service -> contract for images that are not here yet: that of the sources that an image is built of."""
    project = str(document.get("name", ""))
    services: dict[str, Any] = dict(document.get("services") or {})
    names = {name: image_of(project, name, service) for name, service in services.items()}
    builds = {names[name]: service["build"] for name, service in reversed(services.items()) if service.get("build")}
    contracts = {image: contract_of_checkout(_folder(builds[image])) for image in images if image in builds}
    return {name: contracts.get(image) for name, image in names.items() if image in images}


def _folder(build: Mapping[str, Any]) -> Path:
    """Return the folder that holds the contract of a build: what its Dockerfile copies, else what is beside that."""
    context = Path(str(build["context"]))
    dockerfile = context / str(build.get("dockerfile") or "Dockerfile")
    with suppress(OSError, UnicodeDecodeError):
        text = build.get("dockerfile_inline") or dockerfile.read_text("utf-8")
        for path in inputs(text, arguments_of(build)).paths:
            if PurePath(path).name == FOLDER:
                return (context / path).parent
    return dockerfile.parent


def agreement(deploying: Deploying, running: Running) -> Agreement:
    """Return the order of a deploy, and what it rests on."""
    order = deploy_order(deploying, running)
    versions = {
        name: (*([deploying[name]] if name in deploying else []), *running.get(name, ()))
        for name in dict.fromkeys([*deploying, *running])
    }
    named = dict.fromkeys(
        (consumer, provider)
        for consumer, contracts in versions.items()
        for contract in contracts
        if contract is not None
        for provider in contract.expects
        if versions.get(provider) and deploying.keys() & {consumer, provider}
    )
    involved = dict.fromkeys([*deploying, *(name for pair in named for name in pair)])
    unknown = tuple(name for name in involved if None in versions[name])
    pairs = tuple(pair for pair in named if any(contract is not None for contract in versions[pair[1]]))
    return Agreement(order, pairs, unknown)
