"""Restoring names of images, pins and the library's own files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from optimus_ops.engine.leftovers import remove_nameless
from optimus_ops.engine.pins import write_pins
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import OpsError
from optimus_ops.model.state import short_id
from optimus_ops.rollout.baseline import Baseline
from optimus_ops.rollout.containers import Containers
from optimus_ops.system.atomic_write import atomic_write


def restore_image_names(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Give names back to the images that had them, and remove what had them meanwhile."""
    engine = containers.engine
    now = engine.images(baseline.images)
    moved = [name for name, image in baseline.images.items() if now.get(name) != image]
    for name in moved:
        with contextlib.suppress(OpsError):
            engine.tag(baseline.images[name], name)
            yield f"{name} is {short_id(baseline.images[name])} again"
    # What had the names meanwhile would stay without one.
    remove_nameless(engine, [now[name] for name in moved if name in now])
    yield from _forget_kept(baseline, containers)


def _forget_kept(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Remove the names under which the change kept images for a rollback."""
    kept = KeptImages.of(containers.compose.project)
    before = kept.parse(baseline.files.get(kept.path) or "")
    services = containers.stack.services
    for service, images in kept.read().items():
        for image in images if service in services else ():
            if image not in before.get(service, ()):
                with contextlib.suppress(OpsError):
                    containers.engine.untag(kept.name_of(services[service].image, image))
                    yield f"no longer keeps {service}'s image {short_id(image)}"


def restore_files(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Write pins and the library's own files as they were."""
    if containers.compose.pinned() != baseline.pins:
        write_pins(containers.compose.pins_file, baseline.pins)
        yield "put pins back"
    for path, text in baseline.files.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            atomic_write(path, text)
