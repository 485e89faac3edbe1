"""Stand-ins for public images where no registry answers."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images import host_trust, progress, rootfs
from optimus_ops.images.apt_host import read_apt_host
from optimus_ops.images.build_errors import explained
from optimus_ops.images.content_hash import LABEL, content_hash
from optimus_ops.images.env_file import read_block, read_text, write_block
from optimus_ops.images.fallback_catalogue import NEWER_SUITE, ROOT_IMAGE, FallbackImage, split
from optimus_ops.images.log import Log, new_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from optimus_ops.engine.port import Engine
    from optimus_ops.images.apt_host import AptHost
    from optimus_ops.project.settings import Project

BUILD_SECONDS = 900.0


def ensure_bases(
    engine: Engine, project: Project, needed: Iterable[str], report: Callable[[str], None], *, refresh: bool = False
) -> Mapping[str, str]:
    """Make the stand-ins for public images, and name them in `compose/.env`; what is current is left alone.

    Args:
        engine: the engine.
        project: the project.
        needed: names of the public images (or of stand-ins themselves).
        report: told what is under way, in a few words.
        refresh: whether everything is made anew, with the packages of today.

    Returns:
        variable of the Compose files -> stand-in, for those that were needed.

    Raises:
        MissingPrerequisite: an image has no stand-in, or the tool to make one is missing.
        OpsError: a build failed; nothing carries the name of a stand-in that is not complete.
    """
    stand_ins, without = split(needed)
    if without:
        raise MissingPrerequisite(
            f"no image registry answers, and there is no stand-in for {', '.join(without)}",
            "load it from a file: docker load -i IMAGE.tar",
        )
    variables = {stand_in.variable: stand_in.image for stand_in in stand_ins}
    with one_at_a_time(project.root / "compose", report):
        log = Log(new_log(project.state / "logs", "images"), report)
        wanted = {s: wanted_hash(project.root, s) for s in stand_ins}
        stale = [s for s in stand_ins if refresh or _source(engine, s.image) != wanted[s]]
        if stale:
            _make(engine, project.root, {s: wanted[s] for s in stale}, log, refresh=refresh)
        env_file = project.root / "compose" / ".env"
        with explained(f"{env_file.parent.name}/{env_file.name}", log.path, engine):
            write_block(env_file, {**read_block(read_text(env_file)), **variables})
    report(_summary(stand_ins, stale))
    return variables


def wanted_hash(project_root: Path, stand_in: FallbackImage) -> str:
    """Return the content hash of what a stand-in is made of: its folder and the recipe of the root file system."""
    facts = (*rootfs.RECIPE, NEWER_SUITE if stand_in.newer else "", platform.machine())
    return content_hash(project_root, [_folder(project_root, stand_in)], facts)


def _folder(project_root: Path, stand_in: FallbackImage) -> Path:
    return project_root / "compose" / "airgap" / stand_in.folder


def _source(engine: Engine, image: str) -> str:
    found = engine.image(image)
    return found.labels.get(LABEL, "") if found is not None else ""


def _make(engine: Engine, project_root: Path, stale: Mapping[FallbackImage, str], log: Log, *, refresh: bool) -> None:
    host = read_apt_host(named=os.environ.get("OPTIMUS_DEBIAN_MIRROR", ""))
    root_hash = content_hash(project_root, [], (*rootfs.RECIPE, platform.machine()))
    if refresh or _source(engine, ROOT_IMAGE) != root_hash:
        with explained(ROOT_IMAGE, log.path, engine):
            rootfs.make_root_image(engine, host, root_hash, log.report, log.line)
    with explained(", ".join(stand_in.image for stand_in in stale), log.path, engine):
        _build(engine, project_root, host, stale, log, refresh=refresh)


def bake_file(
    project_root: Path,
    wanted: Mapping[FallbackImage, str],
    secrets: Mapping[FallbackImage, tuple[str, ...]],
    proxies: Mapping[str, str],
) -> Mapping[str, Any]:
    """Return what `docker buildx bake` builds (https://docs.docker.com/build/bake/reference/).

    Args:
        project_root: the checkout.
        wanted: stand-in -> the content hash that its image is labelled with.
        secrets: stand-in -> its build secrets, as `--secret` takes them.
        proxies: the host's proxies, which BuildKit keeps out of images by itself.
    """
    return {
        "group": {"default": {"targets": [stand_in.folder for stand_in in wanted]}},
        "target": {
            stand_in.folder: {
                "context": str(_folder(project_root, stand_in)),
                "tags": [stand_in.image],
                "labels": {LABEL: source},
                "args": dict(proxies),
                "secret": list(secrets[stand_in]),
            }
            for stand_in, source in wanted.items()
        },
    }


def _build(
    engine: Engine, project_root: Path, host: AptHost, wanted: Mapping[FallbackImage, str], log: Log, *, refresh: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="optimus-secrets-") as folder:
        secrets = {stand_in: _secrets(Path(folder), host, stand_in) for stand_in in wanted}
        description = Path(folder) / "bake.json"
        described = bake_file(project_root, wanted, secrets, host_trust.proxies(os.environ))
        description.touch(mode=0o600)
        description.write_text(json.dumps(described), "utf-8")
        on_line = log.telling(progress.telling())
        engine.bake(description, cache=not refresh, seconds=BUILD_SECONDS, on_line=on_line)


def _secrets(folder: Path, host: AptHost, stand_in: FallbackImage) -> tuple[str, ...]:
    """Write the secrets of a build, and return them as options."""
    options: list[str] = []
    for name, content in host.secrets(newer=stand_in.newer).items():
        path = folder / f"{stand_in.folder}-{name}"
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


def _summary(stand_ins: tuple[FallbackImage, ...], stale: list[FallbackImage]) -> str:
    if not stale:
        return f"{', '.join(stand_in.folder for stand_in in stand_ins)}: current"
    text = f"{', '.join(stand_in.folder for stand_in in stale)}: made"
    if any(stand_in.newer for stand_in in stale):
        text += f"; nginx is from Debian's testing release ({NEWER_SUITE}), whose Release file may have expired"
    return text
