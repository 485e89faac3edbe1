"""The files of a report on what guardrails found: Markdown, HTML, JSON and SARIF."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optimus_ops.guardrails.code_frame import code_frame
from optimus_ops.guardrails.model import Verdict, Violation
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.report import NAME, headline
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.model import Block, Bullets, Output, Paragraph, Run, Section
from optimus_ops.reports.sarif import sarif
from optimus_ops.reports.spans import Span
from optimus_ops.text.console import Console


def leave_files(
    verdict: Verdict, policy: Policy, command: str, folder: str, console: Console, document: Mapping[str, Any]
) -> None:
    """Write them into a folder."""
    text = json.dumps(result_sarif(verdict, policy), indent=1) + "\n"
    run = guardrails_run(verdict, command)
    leave_report(run, folder, NAME, console, document, beside={"guardrails.sarif": text})


def guardrails_run(verdict: Verdict, command: str) -> Run:
    """Return the report for people: a section for each violation, with its lines."""
    sections = tuple(_section(found, verdict.sources.get(found.file, ())) for found in verdict.counting)
    tone = Span(headline(verdict), "bad" if verdict.failing else "good")
    waived = tuple(f"{found.match.place}: {found.sentence} ({found.rule})" for found in verdict.waived)
    also = (Section("Waived", (Bullets(waived),), folded=True),) if waived else ()
    scope = {"judged": verdict.scope} if verdict.scope else {}
    return Run("Guardrails", tone, scope, (*sections, *also), command)


def _section(found: Violation, lines: Sequence[str]) -> Section:
    blocks: list[Block] = [Paragraph(f"{found.level}: {found.sentence}")]
    blocks += [Paragraph(note) for note in found.notes]
    if frame := code_frame(found.match, lines):
        blocks.append(Output(frame))
    if found.hint:
        blocks.append(Paragraph(f"→ {found.hint}"))
    return Section(f"{found.match.place} {found.rule}", tuple(blocks))


def result_sarif(verdict: Verdict, policy: Policy) -> dict[str, Any]:
    """Return the violations as SARIF, with what the policy says of each rule."""
    document = sarif((found.reported for found in verdict.counting), "guardrails.check", "")
    del document["runs"][0]["tool"]["driver"]["version"]
    for rule in document["runs"][0]["tool"]["driver"]["rules"]:
        if found := policy.by_id.get(rule["id"]):
            info = found.info
            rule["shortDescription"] = {"text": info.message}
            rule["fullDescription"] = {"text": info.why}
            rule["help"] = {"text": info.mend}
    return document
