"""What guardrails found, for people and for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from optimus_ops.errors import OpsError
from optimus_ops.guardrails.code_frame import code_frame
from optimus_ops.guardrails.model import Verdict, Violation
from optimus_ops.guardrails.policy import Policy
from optimus_ops.reports.annotations import annotation
from optimus_ops.reports.model import Block, Bullets, Output, Paragraph, Run, Section
from optimus_ops.reports.spans import Span
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.escapes import safe_to_show

NAME = "guardrails-result"
SCHEMA = 1
MOST_ANNOTATIONS = 10
"""GitHub shows so many of a type for each step."""


def headline(verdict: Verdict) -> str:
    """Return the result in one sentence."""
    count = len(verdict.counting)
    found = f"{count} violation{'s' * (count != 1)}" if count else "no violations"
    also = [
        f"{len(verdict.waived)} waived" if verdict.waived else "",
        f"{len(verdict.known)} in the baseline" if verdict.known else "",
        f"{verdict.earlier} there before in the same files" if verdict.earlier else "",
    ]
    judged = f"{verdict.files} file{'s' * (verdict.files != 1)} judged"
    return ", ".join([found, *filter(None, also), judged])


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


def terminal(verdict: Verdict, console: Console) -> None:
    """Print violations with their lines, as compilers do."""
    colours = {"error": "31", "warning": "33", "note": "36"}
    for found in verdict.counting:
        level = console.paint(found.level, colours[found.level])
        console.say(f"{safe_to_show(str(found.match.place))}: {level} [{found.rule}] {safe_to_show(found.sentence)}")
        for text in (*found.notes, code_frame(found.match, verdict.sources.get(found.file, ()))):
            if text:
                console.say("\n".join(f"  {line}" for line in text.splitlines()))
        if found.hint:
            console.say(f"  → {safe_to_show(found.hint)}")
        console.say()
    console.say(f"{f'{verdict.scope}: ' if verdict.scope else ''}{headline(verdict)}")


def result_document(verdict: Verdict) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "schema": SCHEMA,
        "result": "failed" if verdict.failing else "done",
        "headline": headline(verdict),
        "scope": verdict.scope,
        "files": verdict.files,
        "violations": [_object(found) for found in verdict.counting],
        "waived": [_object(found) for found in verdict.waived],
        "baseline": [_object(found) for found in verdict.known],
        "earlier": verdict.earlier,
    }


def _object(found: Violation) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "level": found.level,
        "message": found.message,
        "detail": found.match.detail,
        **asdict(found.match.place),
        "end_column": found.match.end,
        "matched": found.match.text,
        "hint": found.hint,
        "notes": list(found.notes),
    }


def result_sarif(verdict: Verdict, policy: Policy) -> dict[str, Any]:
    """Return the violations as SARIF, with what the policy says of each rule."""
    from optimus_ops.reports.sarif import sarif  # noqa: PLC0415 - files of reports are rarely wanted

    document = sarif((found.reported for found in verdict.counting), "guardrails.check", "")
    del document["runs"][0]["tool"]["driver"]["version"]
    for rule in document["runs"][0]["tool"]["driver"]["rules"]:
        if found := policy.by_id.get(rule["id"]):
            info = found.info
            rule["shortDescription"] = {"text": info.message}
            rule["fullDescription"] = {"text": info.why}
            rule["help"] = {"text": info.mend}
    return document


def show(verdict: Verdict, policy: Policy, command: str, *, as_json: bool, folder: str) -> None:
    """Print the result, write its files, and end with exit code 1 where there are errors.

    Raises:
        OpsError: there are violations that are errors.
    """
    console = Console.standard(json=as_json)
    if as_json:
        print_json(result_document(verdict))
    else:
        terminal(verdict, console)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for found in verdict.counting[:MOST_ANNOTATIONS]:
            console.say(annotation(found.reported))
    if folder:
        from optimus_ops.reports.files import leave_report  # noqa: PLC0415 - it loads Jinja and a parser of Markdown

        text = json.dumps(result_sarif(verdict, policy), indent=1) + "\n"
        run = guardrails_run(verdict, command)
        leave_report(run, folder, NAME, console, result_document(verdict), beside={"guardrails.sarif": text})
    if verdict.failing:
        count = len(verdict.failing)
        hint = "invoke guardrails.explain RULE tells why, and how to mend it"
        raise OpsError(f"{count} violation{'s' * (count != 1)} of guardrails", hint)
