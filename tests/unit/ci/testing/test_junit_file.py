"""Reading JUnit XML of test runs."""

from pathlib import Path

import pytest

from optimus_ops.ci.testing import junit_file
from optimus_ops.ci.testing.junit_file import read_junit
from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place

DOCUMENT = """<testsuites><testsuite time="3.5">
<testcase classname="tests.a" name="ok" time="0.5" file="tests/a.py" line="9"/>
<testcase classname="tests.a" name="bad" time="1"><properties><property name="place" value="tests/a.py:7"/></properties>
<failure message="&#10;  assert 1 == 2&#10;and more">the whole text</failure></testcase>
<testcase name="setup"><error message="no port"/></testcase>
<testcase name="left"><skipped message="no Docker"/></testcase>
<testcase name="luck"><flakyFailure message="once"/></testcase>
<testcase name="odd" time="soon" line="x" file="b.py"><properties><property name="place" value="nowhere"/></properties>
</testcase></testsuite></testsuites>"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junit.xml"


def test_outcomes_places_and_messages(path: Path) -> None:
    path.write_text(DOCUMENT)
    found = read_junit(path, "unit")
    assert (found.name, found.seconds) == ("unit", 3.5)
    assert [(case.name, case.outcome, case.message, case.seconds) for case in found.cases] == [
        ("tests.a.ok", "passed", "", 0.5),
        ("tests.a.bad", "failed", "assert 1 == 2", 1.0),
        ("setup", "failed", "no port", 0.0),
        ("left", "skipped", "no Docker", 0.0),
        ("luck", "flaky", "once", 0.0),
        ("odd", "passed", "", 0.0),
    ]
    places = [case.place for case in found.cases]
    assert places == [Place("tests/a.py", 10), Place("tests/a.py", 7), None, None, None, Place("b.py")]
    assert found.cases[1].details == "the whole text"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<testsuites>", "junit.xml is no XML: no element found: line 1, column 12"),
        ("<html/>", "junit.xml is no JUnit XML: its root is html"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>', "has a document type"),
        ("<testsuites/>" + " " * 100, "has more than"),
    ],
    ids=["cut", "other", "entity", "long"],
)
def test_what_is_no_result_is_refused(path: Path, text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit_file, "MOST_BYTES", 100)
    path.write_text(text)
    with pytest.raises(Refused, match=message):
        read_junit(path, "unit")


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(Refused, match=r"junit\.xml can't be read: No such file"):
        read_junit(path, "unit")
