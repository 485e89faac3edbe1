"""Requests: what a change of a stack is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.model.pull_policy import Asking


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """Scale services, or bring the stack up; services not named keep their number.

    Args:
        build: services whose images are built anew.
        run_migrations: whether the migrations job runs even if it has run on this image.
        environment: service, variable, value: pinned for what starts from now on.
        force: whether troubled replicas are replaced: those of the services with a count, of all if there is none.
        fit_pool: whether database pools are lowered where the numbers would not fit.
        remove_orphans: whether leftovers are removed as well.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    build: frozenset[str] = frozenset()
    run_migrations: bool = False
    environment: tuple[tuple[str, str, str], ...] = ()
    force: bool = False
    purpose: str = "scale"
    overlays: tuple[str, ...] = ()
    fit_pool: bool = False
    remove_orphans: bool = False


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """What a deploy or a rollback replaces by what; services are replaced in their order.

    Args:
        named: whether they were named, and not all are meant.
        images: service -> image to pin; "" unpins it.
        environment: service, variable, value: variables to pin.
        repin: whether any of these is pinned otherwise now.
        parallelism: how many old replicas drain at once.
        surge: how many replicas there may be above the wanted number at any moment, draining ones included.
        observe: seconds for which the new replicas of each batch are compared with the old ones.
        allow_contract: whether migrations may drop or lock what the running version uses.
        force: whether replicas are replaced that are not stale.
        migrate: whether jobs run, the migrations where the image is their own.
        dependents: those of the services that are replaced only after what they depend on with `restart: true` was.
    """

    services: tuple[str, ...]
    named: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[tuple[str, str, str], ...] = ()
    repin: bool = False
    parallelism: int = 1
    surge: int = 1
    asking: Asking = "by policy"
    observe: float = 10.0
    allow_contract: bool = False
    force: bool = False
    migrate: bool = True
    dependents: frozenset[str] = frozenset()
    purpose: str = "deploy"
