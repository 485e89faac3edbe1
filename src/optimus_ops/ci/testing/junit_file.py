"""JUnit XML of test runs: reading it, and adding the result of a second try.

The form is that of pytest (`junit_family=xunit1`) and of Maven Surefire, from which `flakyFailure` and `rerunFailure`
come: https://maven.apache.org/surefire/maven-surefire-plugin/examples/rerun-failing-tests.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse

from optimus_ops.ci.testing.model import CaseResult, Outcome, SessionResults
from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 64 * 1024**2
FAILURES = ("failure", "error")
FLAKY = ("flakyFailure", "flakyError")


def read_junit(path: Path, name: str) -> SessionResults:
    """Return the results of the session `name`.

    Raises:
        Refused: the file is no JUnit XML, is too large, or has a document type.
    """
    root = _root(path)
    cases = tuple(_case(element) for element in root.iter("testcase"))
    seconds = sum(_number(suite.get("time")) for suite in root.iter("testsuite"))
    return SessionResults(name, seconds, cases)


def with_second_try(first: Path, second: Path) -> str:
    """Return the document of a run in which failed tests were tried again: a test that passed then is flaky."""
    root, again = _root(first), {_key(element): element for element in _root(second).iter("testcase")}
    for suite in root.iter("testsuite"):
        for case in suite.iter("testcase"):
            retried = again.get(_key(case))
            failures = [element for element in case if element.tag in FAILURES]
            if not failures or retried is None:
                continue
            if not any(element.tag in FAILURES for element in retried):
                for element in failures:
                    element.tag = FLAKY[FAILURES.index(element.tag)]
            else:
                found = (element for element in retried if element.tag in FAILURES)
                case.extend(_renamed(element, {"failure": "rerunFailure", "error": "rerunError"}) for element in found)
        for tag, count in (("failure", "failures"), ("error", "errors")):
            suite.set(count, str(sum(case.find(tag) is not None for case in suite.iter("testcase"))))
    return tostring(root, "unicode", xml_declaration=True) + "\n"


def _root(path: Path) -> Element:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{path} has more than {MOST_BYTES // 1024**2} MiB")
        root: Element = parse(path, forbid_dtd=True).getroot()
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}") from error
    except ParseError as error:
        raise Refused(f"{path} is no XML: {error}") from error
    except DefusedXmlException as error:
        raise Refused(f"{path} has a document type, which results of tests don't need") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise Refused(f"{path} is no JUnit XML: its root is {root.tag}")
    return root


def _key(case: Element) -> tuple[str | None, str | None]:
    return case.get("classname"), case.get("name")


def _renamed(element: Element, names: Mapping[str, str]) -> Element:
    copy = Element(names[element.tag], dict(element.attrib))
    copy.text = element.text
    return copy


def _case(case: Element) -> CaseResult:
    outcome, element = _outcome(case)
    message, details = ("", "") if element is None else (element.get("message", ""), element.text or "")
    name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
    first = next(filter(None, map(str.strip, message.splitlines())), "")
    return CaseResult(name, outcome, _number(case.get("time")), _place(case), first, details)


def _outcome(case: Element) -> tuple[Outcome, Element | None]:
    tags: tuple[tuple[Outcome, tuple[str, ...]], ...] = (
        ("failed", FAILURES), ("flaky", FLAKY), ("skipped", ("skipped",))
    )  # fmt: skip
    for outcome, names in tags:
        for element in case:
            if element.tag in names:
                return outcome, element
    return "passed", None


def _place(case: Element) -> Place | None:
    for found in _properties(case, "place"):
        file, _, line = found.rpartition(":")
        if file and line.isdecimal():
            return Place(file, int(line))
    file, line = case.get("file", ""), case.get("line", "")
    # pytest counts lines from 0 here.
    return Place(file, int(line) + 1 if line.isdecimal() else 0) if file else None


def _properties(case: Element, name: str) -> Iterator[str]:
    return (found.get("value", "") for found in case.iter("property") if found.get("name") == name)


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
