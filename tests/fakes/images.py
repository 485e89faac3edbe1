"""Images of the fake engine."""

from __future__ import annotations

import io
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fakes.host import FakeHost, reported

from optimus_ops.engine.errors import EngineRefused, NoSuchThing, RegistryFailed, TooLarge
from optimus_ops.engine.values import Image
from optimus_ops.model.image_names import tag_of
from optimus_ops.system.process import CommandFailed, Completed


def write_archive(archive: Path, configuration: bytes, layers: Sequence[Mapping[str, bytes]]) -> None:
    """Write an image as `docker save` does: `layers` are path -> content, the lowest first."""
    names = [f"blobs/sha256/{number}" for number, _layer in enumerate(layers)]
    manifest = json.dumps([{"Config": "blobs/sha256/c", "Layers": names}]).encode()
    packed = [_packed(layer) for layer in layers]
    contents = {**dict(zip(names, packed, strict=True)), "blobs/sha256/c": configuration, "manifest.json": manifest}
    archive.write_bytes(_packed(contents))


def _packed(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@dataclass
class FakeImages(FakeHost):
    """See `engine.port`."""

    @reported
    def images(self, names: Iterable[str]) -> dict[str, str]:
        return {name: found.id for name in names if (found := self._find_image(name)) is not None}

    @reported
    def image(self, name: str) -> Image | None:
        return self._find_image(name)

    def nameless_images(self, label: str) -> tuple[Image, ...]:
        return tuple(image for image in self.known_images.values() if not image.names and label in image.labels)

    def used_images(self) -> frozenset[str]:
        return frozenset(container.image_id for container in self.containers.values())

    @reported
    def tag(self, image: str, name: str) -> None:
        self.add_image(name if ":" in name.rpartition("/")[2] else f"{name}:{tag_of(name)}", self._image_id(image))

    @reported
    def untag(self, name: str) -> None:
        found = self._find_image(name)
        if found is None:
            return
        left = tuple(known for known in found.names if known != name)
        if name == found.id and len(found.names) > 1:
            raise EngineRefused("it has several names", 409)
        if left and name != found.id:
            self.known_images[found.id] = replace(found, names=left)
        elif found.id in self.used_images():
            raise EngineRefused("a container uses it", 409)
        else:
            del self.known_images[found.id]

    @reported
    def pull(self, name: str, *, seconds: float) -> None:
        del seconds
        if name not in self.registry:
            raise CommandFailed(Completed(("docker", "pull", name), 1, "", "not found"))
        self.report("pull", "amid", name)
        self.add_image(name, digests=frozenset({self.registry[name]}))

    @reported
    def push_image(self, name: str, *, seconds: float, on_line: Callable[[str], None]) -> str:
        del seconds
        image = self._image_id(name)
        self.report("push_image", "amid", name)
        on_line(f"{name}: pushed")
        self.registry[name] = image
        return image

    @reported
    def save_image(self, image: str, archive: Path, *, seconds: float) -> None:
        del seconds
        found = self.image(image)
        if found is None:
            raise NoSuchThing(f"no such image: {image}")
        configuration = json.dumps({"config": {"Labels": dict(found.labels), "User": found.user}}).encode()
        write_archive(archive, configuration, [self.image_files])

    def registry_digest(self, name: str) -> str:
        if name not in self.registry:
            raise RegistryFailed("not found", 404)
        return self.registry[name]

    def read_image(self, image: str, folder: str, *, limit: int) -> bytes:
        self._image_id(image)
        below = {path: content for path, content in self.image_files.items() if path.startswith(f"{folder}/")}
        if not below:
            raise NoSuchThing(f"no {folder} in {image}")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, content in below.items():
                member = tarfile.TarInfo(path.removeprefix(posixpath.dirname(folder)).lstrip("/"))
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        if len(packed.getvalue()) > limit:
            raise TooLarge(f"{folder} of {image} is larger than {limit} bytes")
        return packed.getvalue()

    @reported
    def import_image(
        self, archive: Path, name: str, changes: Sequence[str], *, seconds: float, on_line: Callable[[str], None]
    ) -> None:
        del seconds
        if not tarfile.is_tarfile(archive):
            raise CommandFailed(Completed(("docker", "import", str(archive), name), 1, "", "not a tar archive"))
        labels = dict(change.split()[1].split("=", 1) for change in changes if change.startswith("LABEL "))
        on_line(self.add_image(name, labels=labels))

    @reported
    def bake(self, description: Path, *, cache: bool, seconds: float, on_line: Callable[[str], None]) -> None:
        del cache, seconds
        for target in json.loads(description.read_text("utf-8"))["target"].values():
            for name in target["tags"]:
                self.report("bake", "amid", name)
                on_line(f"#1 naming to {name}")
                self.add_image(name, labels=target.get("labels", {}))
