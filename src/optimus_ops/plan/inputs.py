"""Observed inputs of a plan, besides the stack and what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.model.container_inputs import ChangedInput
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State


@dataclass(frozen=True, slots=True)
class ObservedInputs:
    """Images, secrets and configuration as observed.

    Args:
        images: name -> id of the stack's images that are on the machine.
        registry_answers: whether public images can be pulled; asked only if one is missing.
        outdated: images that are on the machine but built from other sources than those of the checkout.
        fallbacks_missing: public images, those that builds start from included, that are not on the machine and have a
            fallback.
        unobtainable: public images that are not on the machine, whose registry does not answer, without a fallback.
        moved: image -> its digest in its registry, of those whose tag moved there.
        secrets: names of the secrets that have to be generated, or None if everything is in place.
        secrets_coming: projected secrets (`folder/name`) that will be written or removed before anything is started.
        before: service -> replicas before the last change, if that one was killed and nobody undid it: how many there
            should be can't be told from what runs then.
        hashes: service -> Compose's digest of its definition; a service without one isn't judged by it.
        changes: container id -> its inputs that changed since it was created.
        noted: containers whose inputs were recorded when they were created; others are judged by Compose's digest.
        changed_jobs: jobs, the migrations left out, whose definition changed since they last ended well.
    """

    images: Mapping[str, str]
    outdated: frozenset[str] = frozenset()
    registry_answers: bool = True
    fallbacks_missing: tuple[str, ...] = ()
    unobtainable: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] | None = None
    secrets_coming: tuple[str, ...] = ()
    before: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[ChangedInput, ...]] = field(default_factory=dict)
    noted: frozenset[str] = frozenset()
    changed_jobs: frozenset[str] = frozenset()


def idle_images(stack: Stack, state: State) -> tuple[str, ...]:
    """Return the images that no running replica was started from: rebuilding them mixes no versions."""
    busy = {service.image for name, service in stack.services.items() if state.running(name)}
    return tuple(image for image in stack.built_images if image not in busy)
