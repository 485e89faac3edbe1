"""A drill's report as files: JSON, a page with pictures, a table, and one picture by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError
from optimus_ops.redis.drill.figures import median_run
from optimus_ops.redis.drill.page import page
from optimus_ops.redis.drill.picture import picture
from optimus_ops.redis.drill.report import document
from optimus_ops.redis.drill.tables import NAME, markdown

if TYPE_CHECKING:
    from pathlib import Path

    from optimus_ops.redis.drill.report import Report


def write_report(report: Report, folder: Path, command: str) -> tuple[Path, ...]:
    """Write the report's files; return their paths.

    Args:
        report: of at least one run.
        folder: made if it is not there.
        command: that made the report.

    Raises:
        OpsError: they can't be written.
    """
    name, runs = next(iter(report.by_fault.items()))
    shown = median_run(runs)
    texts = {
        "md": markdown(report, command),
        "html": page(report),
        "svg": picture(shown.timeline, f"{name}, run {shown.number} of {len(runs)}", alone=True) + "\n",
        "json": json.dumps(document(report)) + "\n",
    }
    paths = {folder / f"{NAME}.{suffix}": text for suffix, text in texts.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_text(text, "utf-8")
    except OSError as error:
        raise OpsError(f"the report can't be written: {error.strerror} ({error.filename})") from error
    return tuple(paths)
