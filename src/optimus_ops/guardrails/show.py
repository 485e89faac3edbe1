"""Showing what guardrails found: on the terminal or as JSON, in files, and as the exit code."""

from __future__ import annotations

import os

from optimus_ops.errors import OpsError
from optimus_ops.guardrails.model import Verdict
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.report import result_document, terminal
from optimus_ops.text.console import Console, print_json

MOST_ANNOTATIONS = 10
"""GitHub shows so many of a type for each step."""


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
            from optimus_ops.reports.annotations import annotation  # noqa: PLC0415 - for CI alone

            console.say(annotation(found.reported))
    if folder:
        # It loads Jinja and a parser of Markdown.
        from optimus_ops.guardrails.report_files import leave_files  # noqa: PLC0415

        leave_files(verdict, policy, command, folder, console, result_document(verdict))
    if verdict.failing:
        count = len(verdict.failing)
        hint = "invoke guardrails.explain RULE tells why, and how to mend it"
        raise OpsError(f"{count} violation{'s' * (count != 1)} of guardrails", hint)
