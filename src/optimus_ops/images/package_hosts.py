"""Where packages come from on this host, as build secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from optimus_ops.images.host_trust import pip_configuration, pip_files
from optimus_ops.images.npm_host import npm_configuration, npm_files


def package_secrets(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the build secrets of pip and npm: name -> content, empty where the host has none."""
    return {
        "pip_conf": pip_configuration(environ, _texts(pip_files(environ, home))),
        "npm_conf": npm_configuration(environ, _texts(npm_files(environ, home))),
    }


def _texts(paths: Iterable[Path]) -> list[str]:
    return [path.read_text("utf-8", "replace") for path in paths if path.is_file()]
