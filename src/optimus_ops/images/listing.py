"""The images of a stack: which are here, what they weigh, and whether they are current with their sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.fallback_catalogue import is_fallback
from optimus_ops.images.model import Build, builds, services_of
from optimus_ops.model.state import short_id
from optimus_ops.text.table import least_columns, make_table, render

MEGABYTE = 1000**2
JSON_KINDS = {"fallback": "stand-in"}
"""Kind -> word, where scripts know another one."""
HEADERS = ("IMAGE", "KIND", "ID", "SIZE", "OVER BASE", "CREATED", "STATE", "SERVICES")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image, by its name; `id` is None if it is not on this machine, sizes are in bytes.

    Args:
        kind: "service", "public" or "fallback".
        services: those that run it; none for an image that builds start from.
        over_base: what a service's image adds to its base; None where that is not known.
        created: ISO 8601.
        current: whether an image that follows the checkout is made of its sources as they are now; None for others.
    """

    image: str
    kind: str
    services: tuple[str, ...]
    id: str | None
    size: int
    over_base: int | None
    created: str
    current: bool | None


def list_images(engine: Engine, document: Mapping[str, Any], public: Iterable[str] = ()) -> tuple[ImageRow, ...]:
    """Return the images that a merged model builds, then public ones."""
    own = [_service_row(engine, build, services_of(document, build.image)) for build in builds(document)]
    others = [_public_row(engine, image, services_of(document, image)) for image in public]
    return (*own, *others)


def as_json(rows: tuple[ImageRow, ...]) -> list[dict[str, object]]:
    """Return rows as they are printed with `--json`."""
    return [{**asdict(row), "kind": JSON_KINDS.get(row.kind, row.kind)} for row in rows]


def as_text(rows: tuple[ImageRow, ...], columns: int) -> str:
    """Return rows as a table of some width in characters; what has no room goes on below."""
    table = make_table(HEADERS, map(_cells, rows), folded={"SERVICES"}, least=None)
    # No name is broken, whatever room there is.
    return render([table], colour=False, columns=max(columns, least_columns(table))).removesuffix("\n")


def _cells(row: ImageRow) -> tuple[str, ...]:
    state = "missing" if row.id is None else {True: "current", False: "outdated", None: "here"}[row.current]
    return (
        row.image,
        row.kind,
        short_id(row.id or "-"),
        f"{row.size / MEGABYTE:.0f} MB" if row.id else "-",
        "-" if row.over_base is None else f"{row.over_base / MEGABYTE:.0f} MB",
        row.created[:10] or "-",
        state,
        ", ".join(row.services) or "(builds)",
    )


def _service_row(engine: Engine, build: Build, services: tuple[str, ...]) -> ImageRow:
    found = engine.image(build.image)
    if found is None:
        return ImageRow(build.image, "service", services, None, 0, None, "", None)
    bases = (engine.image(name) for name in reversed(build.inputs().images))
    base = next((image for image in bases if image is not None), None)
    over = found.size - base.size if base is not None else None
    current = found.labels.get(LABEL) == build.source(engine) if build.follows_checkout else None
    return ImageRow(build.image, "service", services, found.id, found.size, over, found.created, current)


def _public_row(engine: Engine, image: str, services: tuple[str, ...]) -> ImageRow:
    kind = "fallback" if is_fallback(image) else "public"
    found = engine.image(image)
    if found is None:
        return ImageRow(image, kind, services, None, 0, None, "", None)
    return ImageRow(image, kind, services, found.id, found.size, None, found.created, None)
