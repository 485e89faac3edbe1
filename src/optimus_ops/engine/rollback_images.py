"""Images that ran before, kept under names of their own so that a rollback finds them.

A build moves a name (`optimus/ai-engine:local`) from one image to the next; what ran before would lose its last name,
and a clean-up of the engine would remove it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.image_names import KEPT, repository_of
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import short_id
from optimus_ops.project.settings import Project
from optimus_ops.system.atomic_write import atomic_write

MOST_KEPT = 5


@dataclass(frozen=True)
class KeptImages:
    """The kept images of one project: service -> ids, the oldest first, in a file."""

    path: Path
    project: str

    @classmethod
    def of(cls, project: Project) -> KeptImages:
        """Return a project's kept images."""
        return cls(project.state / "kept" / f"{project.name}.json", project.name)

    def read(self) -> dict[str, list[str]]:
        """Return service -> ids of images, the one that ran last at the end."""
        try:
            return self.parse(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    @staticmethod
    def parse(text: str) -> dict[str, list[str]]:
        """Return the content of the file; nothing where it is malformed."""
        try:
            kept = json.loads(text)
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}

    def keep(self, engine: Engine, service: str, name: str, images: tuple[str, ...]) -> None:
        """Keep images (ids) that a service runs under a name; of more than `MOST_KEPT`, the oldest lose theirs."""
        kept = self.read()
        known = [image for image in kept.get(service, ()) if image not in images] + list(images)
        # First of all, so that an undo finds the names whenever this is cut short.
        atomic_write(self.path, json.dumps({**kept, service: known[-MOST_KEPT:]}, indent=1))
        for image in images:
            engine.tag(image, self.name_of(name, image))
        for image in known[:-MOST_KEPT]:
            # Something may still run on it, under another project's name.
            with contextlib.suppress(OpsError):
                engine.untag(self.name_of(name, image))

    def names(self, stack: Stack) -> dict[str, tuple[str, str]]:
        """Return name -> service and image (id) of all that is kept for services of a stack, the oldest first."""
        kept = ((service, image) for service, images in self.read().items() for image in images)
        services = stack.services
        return {self.name_of(services[name].image, image): (name, image) for name, image in kept if name in services}

    def restore(self, text: str | None, more: Mapping[str, Sequence[str]]) -> None:
        """Write the file as it was (None: it was missing), with more images, which become the oldest."""
        if more:
            before = self.parse(text or "")
            merged = {
                name: list(dict.fromkeys([*more.get(name, ()), *before.get(name, ())])) for name in {**before, **more}
            }
            atomic_write(self.path, json.dumps(merged, indent=1))
        elif text is None:
            self.path.unlink(missing_ok=True)
        else:
            atomic_write(self.path, text)

    def name_of(self, name: str, image: str) -> str:
        """Return the name under which an image is kept: `optimus/ai-engine:kept-PROJECT-b6e41806674c`."""
        return f"{repository_of(name)}:{KEPT}{self.project}-{short_id(image)}"
