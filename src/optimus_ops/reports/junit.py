"""A report as JUnit XML, which CI systems show as tests: checks, objectives and findings, a suite for each section."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from optimus_ops.checks.model import Check
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Finding, Run, Section
from optimus_ops.reports.svg import legal

Case = tuple[str, str, str, str]
"""Class, name, `failure` or `skipped` or "", message."""


def junit(run: Run) -> str:
    """Return the document."""
    suites = [(section, cases) for section in run.sections if (cases := list(_cases(section)))]
    root = Element("testsuites", _counts(run.title, [case for _, cases in suites for case in cases]))
    for section, cases in suites:
        suite = SubElement(root, "testsuite", _counts(section.title, cases))
        for classname, name, outcome, message in cases:
            case = SubElement(suite, "testcase", classname=legal(classname), name=legal(name))
            if outcome:
                SubElement(case, outcome, message=legal(message))
    indent(root)
    return tostring(root, "unicode", xml_declaration=True) + "\n"


def _counts(name: str, cases: list[Case]) -> dict[str, str]:
    outcomes = [outcome for _, _, outcome, _ in cases]
    return {
        "name": legal(name),
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "skipped": str(outcomes.count("skipped")),
    }


def _cases(section: Section) -> Iterator[Case]:
    for block in section.blocks:
        match block:
            case Check():
                outcome = {"failed": "failure", "not allowed": "skipped"}.get(block.verdict, "")
                message = f"{block.found} → {block.hint}" if block.hint else block.found
                yield block.subject or section.title, block.name, outcome, message
            case Objective():
                outcome = {"missed": "failure", "not measured": "skipped"}.get(block.verdict, "")
                message = f"{block.measured_text}; target: {block.target}; {block.basis}"
                yield section.title, block.name, outcome, message
            case Finding():
                name = f"{block.rule} {block.place}" if block.place else block.rule
                yield section.title, name, "failure" if block.level == "error" else "", block.advice
