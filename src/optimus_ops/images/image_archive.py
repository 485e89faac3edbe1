"""An image as an archive (`docker save`): its configuration, and the files of every layer, deleted ones included.

Format: https://github.com/opencontainers/image-spec/blob/main/image-layout.md, with Docker's `manifest.json` beside it.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError

SAVE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A file of a layer; the lowest layer is number 1. Its content can be read until the next file is asked for."""

    layer: int
    path: str
    size: int
    _archive: tarfile.TarFile = field(repr=False)
    _member: tarfile.TarInfo = field(repr=False)

    def open(self) -> IO[bytes]:
        """Return the content as a stream: a file may be larger than memory."""
        return self._archive.extractfile(self._member) or io.BytesIO()

    def read(self) -> bytes:
        """Return the content."""
        return self.open().read()


@contextmanager
def saved(engine: Engine, image: str) -> Iterator[Path]:
    """Save an image to a file, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="optimus-image-") as folder:
        archive = Path(folder) / "image.tar"
        engine.save_image(image, archive, seconds=SAVE_SECONDS)
        yield archive


def image_configuration(archive: Path) -> str:
    """Return the image's configuration as JSON: environment, labels, and the history of its build."""
    with _opened(archive) as (whole, manifest):
        return _content(whole, str(manifest["Config"])).read().decode("utf-8", "replace")


def layer_files(archive: Path) -> Iterator[LayerFile]:
    """Give the regular files of all layers."""
    with _opened(archive) as (whole, manifest):
        for number, name in enumerate(manifest["Layers"], start=1):
            with tarfile.open(fileobj=_content(whole, str(name))) as layer:
                for member in layer:
                    if member.isfile():
                        path = member.name.removeprefix("./").lstrip("/")
                        yield LayerFile(number, path, member.size, layer, member)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[tarfile.TarFile, dict[str, Any]]]:
    try:
        with tarfile.open(archive) as whole:
            (manifest,) = json.load(_content(whole, "manifest.json"))
            yield whole, manifest
    except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise OpsError(f"the engine's archive of an image can't be read: {error}") from error


def _content(whole: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = whole.extractfile(name)
    if stream is None:
        raise KeyError(name)
    return stream
