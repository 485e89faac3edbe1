"""Fallback images for public ones where no registry answers."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images import host_trust, rootfs
from optimus_ops.images.apt_host import AptHost, read_apt_host
from optimus_ops.images.build_errors import explained
from optimus_ops.images.build_log import Log, buildkit_progress
from optimus_ops.images.content_hash import LABEL, content_hash
from optimus_ops.images.env_file import read_block, read_text, write_block
from optimus_ops.images.fallback_catalogue import LEFT_OUT, NEWER_SUITE, ROOT_IMAGE, FallbackImage, repository, split
from optimus_ops.images.package_hosts import package_secrets
from optimus_ops.project.settings import Project

BUILD_SECONDS = 900.0


def ensure_fallbacks(
    engine: Engine, project: Project, needed: Iterable[str], report: Callable[[str], None], *, refresh: bool = False
) -> Mapping[str, str]:
    """Make the fallbacks for public images (or for fallbacks themselves), and name them in `compose/.env`.

    What is current is left alone unless `refresh` wants the packages of today; nothing carries the name of a fallback
    that is not complete. Returned is variable of the Compose files -> fallback, for those that were needed.
    """
    fallbacks, without = split(name for name in needed if repository(name) not in LEFT_OUT)
    if without:
        raise MissingPrerequisite(
            f"no image registry answers, and there is no fallback image for {', '.join(without)}",
            "load it from a file: docker load -i IMAGE.tar",
        )
    variables = {name: fallback.image for fallback in fallbacks for name in fallback.variables}
    variables |= {name: value for fallback in fallbacks for name, value in fallback.also}
    with one_at_a_time(project.root / "compose", report):
        log = Log.new(project.state / "logs", "images", report)
        wanted = {fallback: wanted_hash(project.root, fallback) for fallback in fallbacks}
        stale = {f: source for f, source in wanted.items() if refresh or _source(engine, f.image) != source}
        if stale:
            _make(engine, project.root, stale, log, refresh=refresh)
        env_file = project.root / "compose" / ".env"
        with explained(f"{env_file.parent.name}/{env_file.name}", log.path, engine):
            write_block(env_file, {**read_block(read_text(env_file)), **variables})
    report(_summary(fallbacks, tuple(stale)))
    return variables


def wanted_hash(project_root: Path, fallback: FallbackImage) -> str:
    """Return the content hash of what a fallback is made of: its folder and the recipe of the root file system."""
    facts = (*rootfs.RECIPE, NEWER_SUITE if fallback.newer else "", platform.machine())
    return content_hash(project_root, [_folder(project_root, fallback)], facts)


def _folder(project_root: Path, fallback: FallbackImage) -> Path:
    return project_root / "compose" / "airgap" / fallback.folder


def _source(engine: Engine, image: str) -> str:
    found = engine.image(image)
    return found.labels.get(LABEL, "") if found is not None else ""


def _make(engine: Engine, project_root: Path, stale: Mapping[FallbackImage, str], log: Log, *, refresh: bool) -> None:
    host = read_apt_host(named=os.environ.get("OPTIMUS_DEBIAN_MIRROR", ""))
    root_hash = content_hash(project_root, [], (*rootfs.RECIPE, platform.machine()))
    if refresh or _source(engine, ROOT_IMAGE) != root_hash:
        with explained(ROOT_IMAGE, log.path, engine):
            rootfs.make_root_image(engine, host, root_hash, log)
    names = ", ".join(fallback.image for fallback in stale)
    with explained(names, log.path, engine), tempfile.TemporaryDirectory(prefix="optimus-secrets-") as folder:
        secrets = {fallback: _secrets(Path(folder), host, fallback) for fallback in stale}
        description = Path(folder) / "bake.json"
        description.touch(mode=0o600)
        described = bake_file(project_root, stale, secrets, host_trust.proxies(os.environ))
        description.write_text(json.dumps(described), "utf-8")
        on_line = log.summarized(buildkit_progress())
        engine.bake(description, cache=not refresh, seconds=BUILD_SECONDS, on_line=on_line)


def bake_file(
    project_root: Path,
    wanted: Mapping[FallbackImage, str],
    secrets: Mapping[FallbackImage, tuple[str, ...]],
    proxies: Mapping[str, str],
) -> Mapping[str, Any]:
    """Return what `docker buildx bake` builds (https://docs.docker.com/build/bake/reference/).

    `wanted` is fallback -> the content hash that its image is labelled with, `secrets` its build secrets as `--secret`
    takes them; BuildKit keeps `proxies` out of images by itself.
    """
    return {
        "group": {"default": {"targets": [fallback.folder for fallback in wanted]}},
        "target": {
            fallback.folder: {
                "context": str(_folder(project_root, fallback)),
                "tags": [fallback.image],
                "labels": {LABEL: source},
                "args": dict(proxies),
                "secret": list(secrets[fallback]),
            }
            for fallback, source in wanted.items()
        },
    }


def _secrets(folder: Path, host: AptHost, fallback: FallbackImage) -> tuple[str, ...]:
    """Write the secrets of a build, and return them as options."""
    contents = host.secrets(newer=fallback.newer)
    contents |= {name: text.encode() for name, text in package_secrets(os.environ, Path.home()).items()}
    options: list[str] = []
    for name, content in contents.items():
        path = folder / f"{fallback.folder}-{name}"
        path.touch(mode=0o600)
        path.write_bytes(content)
        options += [f"id={name},src={path}"] if content else []
    bundle = host_trust.choose_ca_bundle(os.environ, lambda path: Path(path).is_file())
    return (*options, f"id=ca_bundle,src={bundle}") if bundle else tuple(options)


@contextmanager
def one_at_a_time(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other run makes fallback images for the `.env` of a folder; what it made is current then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another run that makes them")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _summary(fallbacks: Sequence[FallbackImage], stale: Sequence[FallbackImage]) -> str:
    if not stale:
        return f"{', '.join(fallback.folder for fallback in fallbacks)}: current"
    text = f"{', '.join(fallback.folder for fallback in stale)}: made"
    if newer := ", ".join(fallback.folder for fallback in stale if fallback.newer):
        text += f"; from Debian's testing release ({NEWER_SUITE}), whose Release file may have expired: {newer}"
    return text
