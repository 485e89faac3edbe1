"""What guardrails found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from optimus_ops.guardrails.code_frame import code_frame
from optimus_ops.guardrails.model import Verdict, Violation
from optimus_ops.text.console import Console
from optimus_ops.text.escapes import safe_to_show

NAME = "guardrails-result"
SCHEMA = 1


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
