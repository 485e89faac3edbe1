"""What a smoke test found: for people, as one JSON document, and as a report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.checks.model import Check, count_verdicts
from optimus_ops.checks.render import check_json, checks_text, summary
from optimus_ops.errors import OpsError
from optimus_ops.images.built_images import BuiltImage
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.model import Block, Finding, Paragraph, Run, Section
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns

NAME = "images-smoke"


@dataclass(frozen=True)
class SmokeResult:
    """The images, the checks of them and of their services, and the one-shot services, which were not started."""

    images: tuple[BuiltImage, ...]
    checks: tuple[Check, ...]
    jobs: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.verdict == "failed")


def show(result: SmokeResult, folder: Path | None, *, json: bool) -> None:
    """Print the result, and write the report where one is wanted.

    Raises:
        OpsError: a check failed, or the report can't be written.
    """
    console = Console.standard(json=json)
    if json:
        print_json(document(result))
    else:
        columns = layout_columns(sys.stdout)
        headline = summary(result.checks)
        console.stream.write(
            checks_text(result.checks, headline, _notes(result), colour=console.colour, columns=columns)
        )
    leave_report(smoke_report(result), folder, NAME, console)
    if result.failed:
        names = ", ".join(f"{check.subject} {check.name}" for check in result.failed)
        raise OpsError(f"{len(result.failed)} of {len(result.checks)} checks failed: {names}", "each says what to do")


def document(result: SmokeResult) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "ok": not result.failed,
        "images": [
            {
                "image": built.name,
                "id": built.image.id,
                "size": built.image.size,
                "services": list(built.services),
                "current": built.current,
            }
            for built in result.images
        ],
        "jobs": list(result.jobs),
        "counts": count_verdicts(result.checks),
        "checks": [check_json(check) for check in result.checks],
    }


def smoke_report(result: SmokeResult) -> Run:
    """Return the report: a section for each image and service; what failed is a finding as well."""
    subjects = dict.fromkeys(check.subject for check in result.checks)
    sections = [Section(subject, tuple(c for c in result.checks if c.subject == subject)) for subject in subjects]
    findings: tuple[Block, ...] = tuple(
        Finding(f"images/{check.name.replace(' ', '-')}", "error", f"{check.subject}: {check.found}", hint=check.hint)
        for check in result.failed
    )
    notes: tuple[Block, ...] = tuple(map(Paragraph, _notes(result)))
    return Run(
        "Smoke test of images",
        summary(result.checks),
        {built.name: built.image.id for built in result.images},
        (
            *([Section("Failed", findings)] if findings else []),
            *sections,
            *([Section("Notes", notes)] if notes else []),
        ),
    )


def _notes(result: SmokeResult) -> list[str]:
    if not result.jobs:
        return []
    return [f"not started: {', '.join(result.jobs)}, which run once and need their dependencies"]
