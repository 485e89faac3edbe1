"""Where contracts are: beside a service's code, and in the images made of it."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from optimus_ops.contracts.model import FOLDER, MAX_BYTES, NEEDS, OFFERS, Contract, parse_contract
from optimus_ops.engine.errors import NoSuchThing, TooLarge
from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused

# A label of the image: the folder in it that holds the two files.
CONTRACT_LABEL = "com.optimus.contract"
# Two files, their headers and padding.
MAX_ARCHIVE_BYTES = 2 * MAX_BYTES + 64 * 1024


def contract_of_checkout(folder: Path) -> Contract | None:
    """Return the contract beside a service's code (`services/ai-engine`); None if it has none."""
    if not (folder / FOLDER).is_dir():
        return None
    origin = f"{folder.name}/{FOLDER}"
    offers, needs = (_content(folder / FOLDER / name, origin) for name in (OFFERS, NEEDS))
    return parse_contract(offers, needs, origin)


def _content(path: Path, origin: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path.name} of {origin} can't be read: {error.strerror}") from error


def contract_of_image(engine: Engine, image: str) -> Contract | None:
    """Return the contract that an image carries, without running anything of it; None if it has none.

    Raises:
        Refused: the image is not on the machine, or its contract is missing or malformed.
    """
    folder = _labelled_folder(engine, image)
    if folder is None:
        return None
    files = _files_in(_archive(engine, image, folder), f"image {image}")
    missing = [name for name in (OFFERS, NEEDS) if name not in files]
    if missing:
        raise Refused(f"image {image} has no {' and no '.join(missing)} in {folder}")
    return parse_contract(files[OFFERS], files[NEEDS], f"image {image}")


def contracts_of_images(engine: Engine, images: Iterable[str]) -> Mapping[str, Contract | None]:
    """Return the contract of each image, by the name or id that was given; an image with several is read once."""
    names = tuple(dict.fromkeys(images))
    ids = engine.images(names)
    first_names = {ids.get(name, name): name for name in reversed(names)}
    read = {key: contract_of_image(engine, name) for key, name in first_names.items()}
    return {name: read[ids.get(name, name)] for name in names}


def _labelled_folder(engine: Engine, image: str) -> str | None:
    found = engine.image(image)
    if found is None:
        raise Refused(f"there is no image {image} on this machine", "build or pull it first")
    folder = found.labels.get(CONTRACT_LABEL)
    if folder is not None and (not posixpath.isabs(folder) or posixpath.normpath(folder) != folder):
        raise Refused(f"image {image}: label {CONTRACT_LABEL} must be an absolute path, it is {folder!r}")
    return folder


def _archive(engine: Engine, image: str, folder: str) -> bytes:
    """Return a folder of an image as a tar archive."""
    try:
        return engine.read_image(image, folder, limit=MAX_ARCHIVE_BYTES)
    except NoSuchThing:
        raise Refused(f"image {image} has no folder {folder}, which its label {CONTRACT_LABEL} names") from None
    except TooLarge:
        raise Refused(f"image {image}: {folder} is larger than {MAX_ARCHIVE_BYTES} bytes") from None


def _files_in(archive: bytes, origin: str) -> Mapping[str, bytes]:
    """Return the regular files of a tar archive of one folder, by name."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            for member in members:
                content = members.extractfile(member) if member.isreg() else None
                if content is not None:
                    files[posixpath.basename(member.name)] = content.read(MAX_BYTES + 1)
    except tarfile.TarError as error:
        raise Refused(f"the contract of {origin} can't be read: {error}") from error
    return files
