"""Building the images of services, through `docker compose build`.

The Compose files say what is built; an override, made for one run, adds what only this host knows: its certificates,
its package index, and the hash of the sources as a label.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.images import host_trust
from optimus_ops.images.build_errors import explained
from optimus_ops.images.build_log import Log, buildkit_progress
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.model import Build, builds, services_of
from optimus_ops.images.package_hosts import package_secrets

BUILD_SECONDS = 1800.0


def build(compose: Compose, engine: Engine, services: Sequence[str], report: Callable[[str], None]) -> tuple[str, ...]:
    """Build the images of services (all that are built if empty), and return their names.

    Images get the names in the files, whatever is pinned; a service that shares another one's image stands for it.
    Layers whose inputs did not change come from the cache; where a build fails, the image that was there before keeps
    its name.
    """
    unpinned = compose.with_pins(Pins())
    document, env = unpinned.document(), unpinned.environ
    chosen = choose(document, services)
    log = Log.new(compose.project.state / "logs", "build", report)
    names = ", ".join(build.service for build in chosen)
    report(f"building {names}")
    with _secrets(env) as secrets, explained(names, log.path, engine):
        unpinned.build(
            [build.service for build in chosen],
            override=override_of({build.service: build.source(engine) for build in chosen}, secrets),
            arguments=tuple(host_trust.proxies(env)),
            environ=build_environ(document, chosen, env),
            seconds=BUILD_SECONDS,
            on_line=log.summarized(buildkit_progress()),
        )
    return tuple(build.image for build in chosen)


def choose(document: Mapping[str, Any], services: Sequence[str]) -> tuple[Build, ...]:
    """Return the builds for services (all that are built if empty), each image once."""
    available = builds(document)
    by_service = {name: build for build in available for name in services_of(document, build.image)}
    for name in services:
        if name not in by_service:
            wrong = "is not built here" if name in (document.get("services") or {}) else "is unknown"
            raise Refused(f"service {name!r} {wrong}", f"built are: {', '.join(sorted(by_service)) or 'none'}")
    wanted = {by_service[name].image for name in services} if services else {build.image for build in available}
    return tuple(build for build in available if build.image in wanted)


def build_environ(document: Mapping[str, Any], chosen: Sequence[Build], env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of a build, from that in which the files are read.

    Compose labels an image with the project's name, so that the same sources would give another image id under another
    name; where no image is named after the project, the name in the files is used whatever the environment says.
    """
    named = all(document["services"][build.service].get("image") for build in chosen)
    kept = {name: value for name, value in env.items() if not (named and name == "COMPOSE_PROJECT_NAME")}
    return {**kept, "BUILDKIT_PROGRESS": "plain", "COMPOSE_ANSI": "never"}


def override_of(sources: Mapping[str, str], secrets: Mapping[str, Path]) -> Mapping[str, Any]:
    """Return what is added to the Compose files for one build.

    `sources` is service -> content hash, `secrets` is name of a build secret -> the file that holds it.
    """
    return {
        "services": {name: {"build": {"labels": {LABEL: source}}} for name, source in sources.items()},
        "secrets": {name: {"file": str(path)} for name, path in secrets.items()},
    }


@contextmanager
def _secrets(env: Mapping[str, str]) -> Iterator[Mapping[str, Path]]:
    """Write what only this host knows to files, for the time of a build."""
    bundle = host_trust.choose_ca_bundle(env, lambda path: Path(path).is_file())
    with tempfile.TemporaryDirectory(prefix="optimus-build-") as folder:
        nothing, pip_conf = (Path(folder) / name for name in ("nothing", "pip.conf"))
        nothing.touch()
        pip_conf.touch(mode=0o600)
        pip_conf.write_text(package_secrets(env, Path.home())["pip_conf"], "utf-8")
        yield {"ca_bundle": Path(bundle) if bundle else nothing, "pip_conf": pip_conf}
