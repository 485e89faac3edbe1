"""Secrets in images: in files of every layer, deleted ones included, in environment, labels and history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.images.content_checks import SECRET_FILES
from optimus_ops.images.image_archive import image_configuration, layer_files, saved
from optimus_ops.reports.place import Place
from optimus_ops.security.exposure.files import scan_stream
from optimus_ops.security.exposure.leaks import LeakRules, once_for_each_file
from optimus_ops.security.exposure.matcher import Matcher
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule

LEAKS = LeakRules.of(
    "images", "in an image", "build without it (RUN --mount=type=secret), and remove the image everywhere"
)
SECRET_FILE = Rule(
    *(
        "images",
        "secret-file",
        "high",
        "a file in a layer whose name says that it holds secrets: .env.secrets, id_rsa, .netrc",
    ),
    "name it in .dockerignore, or give it to the build as a secret (RUN --mount=type=secret)",
)
RULES = (*LEAKS.all, SECRET_FILE)


@dataclass(frozen=True)
class ImageContent:
    """An image as it was saved: the digest of each layer, from the lowest."""

    name: str
    archive: Path
    configuration: Mapping[str, Any]

    @property
    def layers(self) -> tuple[str, ...]:
        """The digests of the layers' contents."""
        return tuple((self.configuration.get("rootfs") or {}).get("diff_ids") or ())


def image_leaks(engine: Engine, names: tuple[str, ...], matcher: Matcher, note: Callable[[str], None]) -> Outcome:
    """Look through images; a layer that several of them share is read once, and counts for the first."""
    findings: list[ScanFinding] = []
    here = engine.images(names)
    seen: set[str] = set()
    files = 0
    for name in dict.fromkeys(names):
        if name not in here:
            continue
        note(name)
        with saved(engine, name) as archive:
            content = ImageContent(name, archive, json.loads(image_configuration(archive)))
            findings += _in_configuration(content, matcher)
            for found in _in_layers(content, matcher, seen):
                if isinstance(found, int):
                    files += found
                else:
                    findings.append(found)
            seen.update(content.layers)
    absent = [name for name in dict.fromkeys(names) if name not in here]
    scope = f"{len(here)} images: {files:,} files of {len(seen)} layers, environment, labels and history"
    missing = f"not on this host: {', '.join(absent)}" if absent else ""
    return Outcome(
        scope, once_for_each_file(findings), missing, "invoke images.build; or leave images out: --no-images"
    )


def _in_configuration(content: ImageContent, matcher: Matcher) -> Iterator[ScanFinding]:
    config = content.configuration.get("config") or {}
    parts = {name: config.get(name) for name in ("Env", "Labels", "Cmd", "Entrypoint", "Healthcheck", "OnBuild")}
    parts["history"] = content.configuration.get("history")
    for part, value in parts.items():
        for text in _texts(value):
            for match in matcher.find(text.encode()):
                yield LEAKS.finding(match, f"{part} of {content.name}", _place(content.name, part))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, inner in value.items():
                yield from _texts(key)
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _in_layers(content: ImageContent, matcher: Matcher, seen: set[str]) -> Iterator[ScanFinding | int]:
    """Give findings, and 1 for each file that was looked at."""
    layers = content.layers
    for file in layer_files(content.archive):
        # Only what the engine vouches for by a digest is the same as what was read before.
        if file.layer <= len(layers) and layers[file.layer - 1] in seen:
            continue
        yield 1
        place = _place(content.name, file.path)
        where = f"layer {file.layer} of {content.name}"
        if file.size and SECRET_FILES.fullmatch(file.path):
            yield SECRET_FILE.finding(f"/{file.path} is in {where}", place)
        for match, _line in scan_stream(file.open(), matcher):
            yield LEAKS.finding(match, where, place)


def _place(image: str, path: str) -> Place:
    return Place(f"image:{image}/{path}")
