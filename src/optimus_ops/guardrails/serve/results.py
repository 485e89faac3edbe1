"""What the server's tools take and answer; clients get these as JSON schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from optimus_ops.guardrails.code_frame import code_frame
from optimus_ops.guardrails.explain import rule_document
from optimus_ops.guardrails.model import Verdict, Violation
from optimus_ops.guardrails.report import headline
from optimus_ops.guardrails.rules.kind import Rule
from optimus_ops.reports.place import shown

MOST_VIOLATIONS = 100
MEND = "mend these (`mend` says how) and check again; explain_rule tells why a rule is there. Add no waivers for them."
KEPT = "the rules are kept"


class RuleSummary(BaseModel):
    """A rule in one line."""

    id: str
    kind: str
    severity: Literal["error", "warning", "note"] = Field(description="errors alone fail a check")
    message: str = Field(description="what is told of a violation")


class RuleDetails(RuleSummary):
    """A rule with its reason."""

    why: str
    mend: str = Field(description="how to mend a violation")


class ExplainedRule(RuleDetails):
    """All that the policy says of a rule."""

    good: list[dict[str, str]] = Field(description="examples that keep it: path -> text")
    bad: list[dict[str, str]] = Field(description="examples that break it: path -> text")
    place: str = Field(description="where the policy has it; empty for a rule of the engine itself")


class RuleList(BaseModel):
    """All rules of the policy."""

    rules: list[RuleSummary]


class PathRules(BaseModel):
    """The rules that hold for a file."""

    path: str
    exists: bool
    rules: list[RuleDetails]


class FileToCheck(BaseModel):
    """A file to be checked as it is, or as it would be."""

    path: Annotated[str, Field(description="from the root of the repository, as src/package/module.py")]
    content: Annotated[
        str | None, Field(description="what it is going to be; left out, it is read from the work tree")
    ] = None


class FoundViolation(BaseModel):
    """A rule that is broken at a place."""

    rule: str
    severity: Literal["error", "warning", "note"]
    message: str
    detail: str = Field(description="what was found, such as the chain of imports")
    path: str
    line: int = Field(description="from 1; 0 for the file as a whole")
    column: int = Field(description="from 1; 0 where unknown")
    end_column: int = Field(description="behind the last character; 0 where unknown")
    frame: str = Field(description="the line between its neighbours, with carets below what is meant")
    mend: str
    notes: list[str]


class CheckResult(BaseModel):
    """What a check came to."""

    status: Literal["passed", "failed"]
    headline: str
    scope: str = Field(description="what was checked")
    violations: list[FoundViolation]
    omitted: int = Field(description="violations beyond those that are listed")
    waived: int = Field(description="violations that waivers in the code cover")
    baseline: int = Field(description="violations that the baseline has")
    earlier: int = Field(description="violations that were there before the change")
    files: int = Field(description="files judged")
    next: str = Field(description="what to do now")


def rule_summary(rule: Rule) -> RuleSummary:
    """Return a rule in one line."""
    return RuleSummary.model_validate(rule_document(rule))


def rule_details(rule: Rule) -> RuleDetails:
    """Return a rule with its reason."""
    return RuleDetails.model_validate(rule_document(rule))


def explained_rule(rule: Rule) -> ExplainedRule:
    """Return all that the policy says of a rule."""
    return ExplainedRule.model_validate(rule_document(rule))


def check_result(verdict: Verdict) -> CheckResult:
    """Return a verdict as the tools answer it: errors first, as far as an answer has room."""
    shown = sorted(verdict.counting, key=lambda found: found.level != "error")[:MOST_VIOLATIONS]
    return CheckResult(
        status="failed" if verdict.failing else "passed",
        headline=headline(verdict),
        scope=verdict.scope,
        violations=[_found(violation, verdict.sources.get(violation.file, ())) for violation in shown],
        omitted=len(verdict.counting) - len(shown),
        waived=len(verdict.waived),
        baseline=len(verdict.known),
        earlier=verdict.earlier,
        files=verdict.files,
        next=MEND if verdict.counting else KEPT,
    )


def _found(violation: Violation, lines: tuple[str, ...]) -> FoundViolation:
    place = violation.match.place
    return FoundViolation(
        rule=violation.rule,
        severity=violation.level,
        message=violation.message,
        detail=violation.match.detail,
        path=shown(place.file),
        line=place.line,
        column=place.column,
        end_column=violation.match.end,
        frame=code_frame(violation.match, lines),
        mend=violation.hint,
        notes=list(violation.notes),
    )
