"""Building the images of services, through `docker compose build`.

The Compose files say what is built; an override, made for one run, adds what only this host knows: its certificates,
its package index, and the hash of the sources as a label.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.images import host_trust, progress
from optimus_ops.images.build_errors import explained
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.local import image_id
from optimus_ops.images.log import Log, new_log
from optimus_ops.images.model import Build, builds, services_of
from optimus_ops.system.process import CommandFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BUILD_SECONDS = 1800.0
CONFIG_SECONDS = 60.0


def build(
    project_root: Path,
    services: Sequence[str],
    files: Sequence[Path],
    env: Mapping[str, str],
    report: Callable[[str], None],
) -> tuple[str, ...]:
    """Build the images of services; layers whose inputs did not change come from the cache.

    Args:
        project_root: the checkout.
        services: the services; all that are built if empty. A service that shares another one's image stands for it.
        files: the Compose files, base first.
        env: the environment in which the files are read.
        report: told what is under way, in a few words.

    Returns:
        the names of the images that were built.

    Raises:
        Refused: a service is unknown or has no build, or the files don't parse.
        MachineLacks: no engine answers.
        OpsError: a build failed; the image that was there before keeps its name.
    """
    argv = ("docker", "compose", *(word for path in files for word in ("-f", str(path))))
    document = _document(argv, project_root, env)
    chosen = choose(document, services)
    log = Log(new_log(project_root / ".optimus" / "logs", "build"), report)
    names = ", ".join(one.service for one in chosen)
    report(f"building {names}")
    with _override(chosen, env) as override, explained(names, log.path):
        proxies = [word for name in host_trust.proxies(env) for word in ("--build-arg", name)]
        command = [*argv, "-f", str(override), "build", *proxies, *(one.service for one in chosen)]
        run(
            # Whether Compose says how far it is on standard output or standard error depends on its version.
            ["sh", "-c", 'exec "$@" 1>&2', "sh", *command],
            cwd=project_root,
            environ=build_environ(document, chosen, env),
            deadline=BUILD_SECONDS,
            on_line=log.telling(progress.telling()),
        )
    return tuple(one.image for one in chosen)


def choose(document: Mapping[str, Any], services: Sequence[str]) -> tuple[Build, ...]:
    """Return the builds for services, each image once.

    Args:
        document: the merged model.
        services: names of services; all that are built if empty.

    Raises:
        Refused: a service is unknown or has no build.
    """
    available = builds(document)
    by_service = {name: one for one in available for name in services_of(document, one.image)}
    for name in services:
        if name not in by_service:
            wrong = "is not built here" if name in (document.get("services") or {}) else "is unknown"
            raise Refused(f"service {name!r} {wrong}", f"built are: {', '.join(sorted(by_service)) or 'none'}")
    wanted = {by_service[name].image for name in services} if services else {one.image for one in available}
    return tuple(one for one in available if one.image in wanted)


def build_environ(document: Mapping[str, Any], chosen: Sequence[Build], env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of a build.

    Compose labels an image with the project's name, so that the same sources would give another image id under another
    name; where no image is named after the project, the name in the files is used whatever the environment says.

    Args:
        document: the merged model.
        chosen: what is built.
        env: the environment in which the files are read.
    """
    named = all(document["services"][one.service].get("image") for one in chosen)
    kept = {name: value for name, value in env.items() if not (named and name == "COMPOSE_PROJECT_NAME")}
    return {**kept, "BUILDKIT_PROGRESS": "plain", "COMPOSE_ANSI": "never"}


def override_of(sources: Mapping[str, str], secrets: Mapping[str, Path]) -> Mapping[str, Any]:
    """Return what is added to the Compose files for one build.

    Args:
        sources: service -> content hash.
        secrets: name of a build secret -> the file that holds it.
    """
    return {
        "services": {name: {"build": {"labels": {LABEL: source}}} for name, source in sources.items()},
        "secrets": {name: {"file": str(path)} for name, path in secrets.items()},
    }


@contextmanager
def _override(chosen: Sequence[Build], env: Mapping[str, str]) -> Iterator[Path]:
    bundle = host_trust.choose_ca_bundle(env, lambda path: Path(path).is_file())
    texts = [path.read_text("utf-8", "replace") for path in host_trust.pip_files(env, Path.home()) if path.is_file()]
    with tempfile.TemporaryDirectory(prefix="optimus-build-") as folder:
        nothing, pip_conf, override = (Path(folder) / name for name in ("nothing", "pip.conf", "override.json"))
        nothing.touch()
        pip_conf.touch(mode=0o600)
        pip_conf.write_text(host_trust.pip_configuration(env, texts), "utf-8")
        secrets = {"ca_bundle": Path(bundle) if bundle else nothing, "pip_conf": pip_conf}
        sources = {one.service: one.source(image_id) for one in chosen}
        override.write_text(json.dumps(override_of(sources, secrets)), "utf-8")
        yield override


def _document(argv: Sequence[str], project_root: Path, env: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        completed = run([*argv, "config", "--format", "json"], cwd=project_root, environ=env, deadline=CONFIG_SECONDS)
    except CommandFailed as failed:
        raise Refused(f"the Compose files do not parse:\n    {failed.completed.stderr.strip()}") from failed
    document: Mapping[str, Any] = json.loads(completed.stdout)
    return document
