"""What a Dockerfile builds from: base images and files of the context (https://docs.docker.com/reference/dockerfile/).

Parsed is what the answer needs: ARG, ENV, FROM, COPY and ADD; of variables `$NAME`, `${NAME}` and `${NAME:-default}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<bare>\w+))")
ENVIRONMENT = re.compile(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S*)")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The base images of a build, and files and folders of its context as they are written, each once and in order."""

    images: tuple[str, ...]
    paths: tuple[str, ...]


def inputs(text: str, arguments: Mapping[str, str]) -> Inputs:
    """Return what a Dockerfile builds from; build arguments win over the defaults of its ARGs."""
    # An ARG before the first FROM is seen by every FROM, and by stages that repeat it; a later one by its stage alone.
    common: dict[str, str] = {}
    stage = common
    images: dict[str, None] = {}
    stages: set[str] = set()
    paths: dict[str, None] = {}
    for word, rest in _instructions(text):
        if word == "ARG":
            name, _, default = rest.partition("=")
            stage[name] = arguments.get(name) or _expand(default.strip("\"'"), stage) or common.get(name, "")
        elif word == "ENV":
            stage |= {name: _expand(value.strip("\"'"), stage) for name, value in ENVIRONMENT.findall(rest)}
        elif word == "FROM":
            words = [part for part in _expand(rest, common).split() if not part.startswith("--")]
            if words and words[0].lower() not in stages and words[0] != "scratch":
                images[words[0]] = None
            if len(words) == 3:
                stages.add(words[2].lower())
            stage = {}
        elif word in {"COPY", "ADD"}:
            paths.update(dict.fromkeys(_expand(path, stage) for path in _copied(rest)))
    return Inputs(tuple(images), tuple(paths))


def arguments_of(build: Mapping[str, Any]) -> dict[str, str]:
    """Return the build arguments of a `build:` that have a value."""
    return {str(key): str(value) for key, value in (build.get("args") or {}).items() if value is not None}


def base_images(build: Mapping[str, Any] | None, text: str | None) -> tuple[str, ...]:
    """Return the images that a `build:` starts from, by its Dockerfile; without one, its arguments named `…_IMAGE`."""
    if not build:
        return ()
    arguments = arguments_of(build)
    if text is None:
        return tuple(value for name, value in arguments.items() if name.endswith("_IMAGE") and value)
    return inputs(text, arguments).images


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = (line.strip() for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word.upper(), rest.strip()


def _expand(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return values.get(match["braced"] or match["bare"], "") or match["default"] or ""

    return VARIABLE.sub(value, text)


def _copied(rest: str) -> tuple[str, ...]:
    flags = re.match(r"(?:--\S+\s+)*", rest)
    end = flags.end() if flags else 0
    if "--from=" in rest[:end]:
        return ()
    body = rest[end:]
    words = [str(word) for word in json.loads(body)] if body.startswith("[") else body.split()
    return tuple(word for word in words[:-1] if "://" not in word and not word.startswith("<<"))
