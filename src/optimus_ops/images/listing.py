"""The images of a stack: which are here, what they weigh, and whether they are current with their sources."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console as RichConsole
from rich.measure import Measurement
from rich.table import Table

from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.fallback_catalogue import is_stand_in
from optimus_ops.images.local import image_id, inspect, labels_in
from optimus_ops.images.model import Build, builds, public_images, services_of
from optimus_ops.model.state import short_id

if TYPE_CHECKING:
    from collections.abc import Mapping

MEGABYTE = 1000**2
WIDEST = 1000
HEADERS = ("IMAGE", "KIND", "ID", "SIZE", "OVER BASE", "CREATED", "STATE", "SERVICES")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image.

    Args:
        image: its name.
        kind: "service", "public" or "stand-in".
        services: the services that run it; none for an image that builds start from.
        id: its id; None if it is not on this machine.
        size: bytes, its base included.
        over_base: bytes that a service's image adds to its base; None where that is not known.
        created: when it was made, ISO 8601.
        current: whether a service's image is made of the sources as they are now; None for others.
    """

    image: str
    kind: str
    services: tuple[str, ...]
    id: str | None
    size: int
    over_base: int | None
    created: str
    current: bool | None


def list_images(document: Mapping[str, Any]) -> tuple[ImageRow, ...]:
    """Return the images of a merged model: those of its services, then those from elsewhere.

    Args:
        document: what `docker compose config --format json` printed.

    Raises:
        MachineLacks: no engine answers.
        Refused: a Dockerfile can't be read.
    """
    own = [_service_row(build, services_of(document, build.image)) for build in builds(document)]
    others = [_public_row(image, services_of(document, image)) for image in public_images(document)]
    return (*own, *others)


def as_json(rows: tuple[ImageRow, ...]) -> list[dict[str, object]]:
    """Return rows as they are printed with `--json`."""
    return [asdict(row) for row in rows]


def as_text(rows: tuple[ImageRow, ...], columns: int) -> str:
    """Return rows as a table.

    Args:
        rows: the images.
        columns: its width in characters; what has no room goes on below.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in HEADERS:
        table.add_column(header, no_wrap=header != "SERVICES")
    for row in rows:
        table.add_row(*_cells(row))
    text = StringIO()
    console = RichConsole(file=text, width=WIDEST, no_color=True, highlight=False, emoji=False, markup=False)
    # No name is broken, whatever room there is.
    console.width = max(columns, Measurement.get(console, console.options, table).minimum)
    console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


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


def _service_row(build: Build, services: tuple[str, ...]) -> ImageRow:
    found = inspect(build.image)
    if found is None:
        return ImageRow(build.image, "service", services, None, 0, None, "", None)
    base = next((here for name in reversed(build.inputs().images) if (here := inspect(name)) is not None), None)
    over = int(found["Size"]) - int(base["Size"]) if base is not None else None
    current = labels_in(found).get(LABEL) == build.source(image_id)
    return ImageRow(
        build.image, "service", services, str(found["Id"]), int(found["Size"]), over, str(found["Created"]), current
    )


def _public_row(image: str, services: tuple[str, ...]) -> ImageRow:
    kind = "stand-in" if is_stand_in(image) else "public"
    found = inspect(image) or {}
    name = str(found["Id"]) if found else None
    return ImageRow(image, kind, services, name, int(found.get("Size", 0)), None, str(found.get("Created", "")), None)
