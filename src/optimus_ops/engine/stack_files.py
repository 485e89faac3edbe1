"""A project's Compose files with its pins: what every adapter of Compose shares."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from optimus_ops.engine.pins import Pins, read_pins
from optimus_ops.errors import Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import Project


@dataclass(frozen=True)
class StackFiles:
    """A project's files: base and overlays, in order; `pins` replaces those that are kept for the project."""

    project: Project
    files: tuple[Path, ...]
    pins: Pins | None = None

    @property
    def pins_file(self) -> Path:
        return self.project.state / "pins" / f"{self.project.name}.yml"

    def pinned(self) -> Pins:
        return read_pins(self.pins_file) if self.pins is None else self.pins

    def with_pins(self, pins: Pins) -> Self:
        return replace(self, pins=pins)

    def with_files(self, files: Iterable[Path]) -> Self:
        return replace(self, files=(*self.files, *files))

    def stack_of(self, document: Mapping[str, Any]) -> Stack:
        services = document.get("services") or {}
        for role in sorted({"balancer", "migrations"} & self.project.stated):
            check_named(role, str(getattr(self.project, role)), services)
        return parse_stack(
            document,
            balancer=self.project.balancer,
            migrations=self.project.migrations,
            dockerfiles=_dockerfiles(services),
        )


def _dockerfiles(services: Mapping[str, Any]) -> dict[str, str]:
    """Return service -> text of its Dockerfile, of those that can be read here."""
    found = {}
    for name, service in services.items():
        if build := service.get("build"):
            path = Path(str(build["context"]), str(build.get("dockerfile") or "Dockerfile"))
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[name] = build.get("dockerfile_inline") or path.read_text("utf-8")
    return found


def check_named(role: str, name: str, services: Collection[str]) -> None:
    """Refuse a service of the settings (for `role`) that isn't among those of the merged model."""
    if name in services:
        return
    near = difflib.get_close_matches(name, services, n=3, cutoff=0.5)
    known = f"did you mean {' or '.join(near)}?" if near else f"services: {', '.join(sorted(services)) or 'none'}"
    raise Refused(
        f"[tool.optimus-ops] {role}: there is no service {name!r} in the Compose files",
        f"{known} One of a profile counts where the profile is on (COMPOSE_PROFILES)",
    )
