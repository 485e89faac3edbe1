"""A report as files: for people, for programs, and its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from optimus_ops.errors import OpsError
from optimus_ops.reports import json_document
from optimus_ops.reports.html import page
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.model import Picture, Run
from optimus_ops.reports.pictures import Chart, Intervals, Timeline
from optimus_ops.reports.svg_chart import chart_svg
from optimus_ops.reports.svg_intervals import intervals_svg
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.system.output_masking import masked_document
from optimus_ops.text.console import Console


def report_files(run: Run, name: str, document: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return name -> text of a report's files; `document` is that of the JSON file where it has a form of its own."""
    run = masked_document(run)
    pictures = {
        f"{block.file}.svg": f"{_alone(block)}\n"
        for block in run.blocks()
        if isinstance(block, Timeline | Chart | Intervals) and block.file
    }
    found = json_document.document(run) if document is None else masked_document(document)
    return {
        f"{name}.md": markdown(run),
        f"{name}.html": page(run),
        **pictures,
        f"{name}.json": json.dumps(found, indent=1) + "\n",
    }


def _alone(picture: Picture) -> Markup:
    match picture:
        case Timeline():
            return timeline_svg(picture, alone=True)
        case Intervals():
            return intervals_svg(picture, alone=True)
        case Chart():
            return chart_svg(picture)


def write_report(
    run: Run,
    folder: Path,
    name: str,
    document: Mapping[str, Any] | None = None,
    *,
    beside: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write a report's files into a folder, which is made if it is missing; return their paths.

    `beside` has the text of further files by their names.
    """
    files = {**report_files(run, name, document), **(beside or {})}
    texts = {folder / file: text for file, text in files.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, "utf-8")
    except OSError as error:
        raise OpsError(f"the report can't be written: {error.strerror} ({error.filename})") from error
    return tuple(texts)


def leave_report(
    run: Run,
    folder: Path | str | None,
    name: str,
    console: Console,
    document: Mapping[str, Any] | None = None,
    *,
    beside: Mapping[str, str] | None = None,
) -> None:
    """Write a report where a folder is wanted, and say where it is.

    Called once the result has been printed: a folder that can't be written into must not hide it.
    """
    for path in write_report(run, Path(folder), name, document, beside=beside) if folder else ():
        console.say(f"wrote {path}")
