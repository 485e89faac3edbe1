"""Findings as SARIF 2.1.0, which code scanning reads (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from optimus_ops.reports.model import Finding
from optimus_ops.reports.place import Place

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Iterable[Finding], tool: str, version: str) -> dict[str, Any]:
    """Return the document for findings of a tool (a task); their files are relative to the repository's root."""
    found = list(findings)
    rules = list(dict.fromkeys(finding.rule for finding in found))
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": tool, "version": version, "rules": [{"id": rule} for rule in rules]}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules.index(finding.rule)) for finding in found],
            }
        ],
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    message = f"{finding.message}. {finding.hint}" if finding.hint else finding.message
    locations = [{"physicalLocation": _location(finding.place)}] if finding.place else []
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": message},
        "locations": locations,
    }


def _location(place: Place) -> dict[str, Any]:
    region = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
    artifact = {"artifactLocation": {"uri": quote(place.file, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}}
    return {**artifact, "region": region} if place.line else artifact
