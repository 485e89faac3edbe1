"""Images of the Docker engine."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, DockerException

from optimus_ops.engine.docker_containers import DockerContainers
from optimus_ops.engine.docker_host import translated
from optimus_ops.engine.errors import NoSuchThing, RegistryFailed, TooLarge
from optimus_ops.engine.labels import ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.engine.parse import parse_image
from optimus_ops.engine.values import Image
from optimus_ops.model.image_names import repository_of, tag_of
from optimus_ops.system.process import OnLine, run

READER_LABEL = "com.optimus.contract-reader"
"""On the container through which an image is read."""
STALE_SECONDS = 300
"""Reading takes far less: an older container was left by a process that was killed."""


@dataclass(frozen=True)
class DockerImages(DockerContainers):
    """See `engine.port`."""

    def images(self, names: Iterable[str]) -> dict[str, str]:
        return {name: image.id for name in dict.fromkeys(names) if (image := self.image(name)) is not None}

    def image(self, name: str) -> Image | None:
        try:
            return parse_image(self.client.inspect_image(name))
        except NoSuchThing:
            return None

    def nameless_images(self, label: str) -> tuple[Image, ...]:
        return tuple(parse_image(raw) for raw in self.client.images(filters={"dangling": True, "label": label}))

    def used_images(self) -> frozenset[str]:
        return frozenset(str(container["ImageID"]) for container in self.client.containers(all=True))

    def tag(self, image: str, name: str) -> None:
        self.client.tag(image, repository_of(name), tag_of(name), force=True)

    def untag(self, name: str) -> None:
        with suppress(NoSuchThing):
            self.client.remove_image(name, force=False)

    def pull(self, name: str, *, seconds: float) -> None:
        run(["docker", "pull", "--quiet", name], deadline=seconds)

    def push_image(self, name: str, *, seconds: float, on_line: OnLine) -> str:
        # Progress comes on standard output.
        run(["sh", "-c", 'exec "$@" 1>&2', "sh", "docker", "push", name], deadline=seconds, on_line=on_line)
        known = self.client.inspect_image(name).get("RepoDigests") or ()
        own = f"{repository_of(name)}@"
        return next(str(digest).removeprefix(own) for digest in known if str(digest).startswith(own))

    def save_image(self, image: str, archive: Path, *, seconds: float) -> None:
        run(["docker", "save", "--output", str(archive), image], deadline=seconds)

    def registry_digest(self, name: str) -> str:
        try:
            return str(self.api.inspect_distribution(name)["Descriptor"]["digest"])
        except APIError as error:
            raise RegistryFailed(str(error.explanation or error).strip(), error.status_code) from error
        except (DockerException, OSError, KeyError, TypeError) as error:
            raise RegistryFailed(str(error)) from error

    def read_image(self, image: str, folder: str, *, limit: int) -> bytes:
        kept = io.BytesIO()
        with self._never_started(image) as container:
            chunks, _facts = self.client.get_archive(container, folder)
            # Closed whatever happens: the engine keeps a container for as long as somebody may still read it.
            with translated(), closing(chunks):
                for chunk in chunks:
                    kept.write(chunk)
                    if kept.tell() > limit:
                        raise TooLarge(f"{folder} of {image} is larger than {limit} bytes")
        return kept.getvalue()

    @contextmanager
    def _never_started(self, image: str) -> Iterator[str]:
        for left in self.client.containers(all=True, filters={"label": f"{READER_LABEL}=true"}):
            if time.time() - float(left["Created"]) > STALE_SECONDS:
                self.remove(left["Id"])
        # Compose labels the images that it builds, and containers take their image's labels over: this is no replica.
        labels = {READER_LABEL: "true", PROJECT_LABEL: "", SERVICE_LABEL: "", ONE_OFF_LABEL: "True"}
        name = f"optimus-contract-{uuid.uuid4().hex[:12]}"
        try:
            self.client.create_container(image, command=["true"], name=name, labels=labels, network_disabled=True)
            yield name
        finally:
            self.remove(name)

    def import_image(
        self, archive: Path, name: str, changes: Sequence[str], *, seconds: float, on_line: OnLine
    ) -> None:
        options = [word for change in changes for word in ("--change", change)]
        run(["docker", "import", *options, str(archive), name], deadline=seconds, on_line=on_line)

    def bake(self, description: Path, *, cache: bool, seconds: float, on_line: OnLine) -> None:
        options = ["--progress=plain", "--load", "--provenance=false", *([] if cache else ["--no-cache"])]
        run(["docker", "buildx", "bake", "--file", str(description), *options], deadline=seconds, on_line=on_line)
