"""What is found wrong with the operator's file and its values."""

from __future__ import annotations

from optimus_ops.secrets.dotenv import parse
from optimus_ops.secrets.families import expand
from optimus_ops.secrets.schema import parse_schema
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.validate import check_document, check_file
from optimus_ops.secrets.value import Secret

MINE = 1000


def problems(stored: StoredFile | None, user: int = MINE) -> list[tuple[str, str]]:
    return [(found.severity, found.problem) for found in check_file("f", stored, tracked=False, user=user)]


def test_a_private_file_of_ones_own_is_fine() -> None:
    assert problems(StoredFile(Secret(""), 0o600, MINE)) == []


def test_a_file_that_the_group_can_read_is_an_error() -> None:
    assert problems(StoredFile(Secret(""), 0o640, MINE)) == [("error", "is open to others (mode 0640, 040 too much)")]


def test_a_file_of_somebody_else_is_an_error_but_not_for_root() -> None:
    assert problems(StoredFile(Secret(""), 0o600, 0)) == [("error", "belongs to user 0, who can read and change it")]
    assert problems(StoredFile(Secret(""), 0o600, MINE), user=0) == []


def test_a_file_with_another_name_is_a_warning() -> None:
    [(severity, problem)] = problems(StoredFile(Secret(""), 0o600, MINE, names=2))

    assert severity == "warning"
    assert problem.startswith("has 2 names (hard links)")


SCHEMA = """\
# @generate=token(32) @consumers=web @required
A=

# @consumers=web @required-in=production
B=

# @consumers=web @environments=staging @type=keys
C=
"""


def found(text: str, environment: str) -> list[tuple[str, str, int | None, str]]:
    entries = expand(parse_schema(SCHEMA, ".env.example"), [])
    findings = check_document(entries, parse(text, ".env.secrets"), environment, ".env.example")
    return [(finding.severity, finding.subject, finding.line, finding.problem) for finding in findings]


def test_findings_have_the_line_of_their_key_and_none_where_it_is_missing() -> None:
    assert found("# mine\nX='1\n2'\nC=a,,b\n", "") == [
        ("error", "A", None, "is missing"),
        ("error", "C", 4, "is malformed"),
        ("error", "X", 2, "is not in .env.example, so no service gets it"),
    ]


def test_an_environment_demands_its_own_and_knows_what_belongs_elsewhere() -> None:
    assert found("A=1\nB=\nC=a\n", "production") == [
        ("error", "B", 2, "is missing"),
        ("warning", "C", 3, "is not used in production"),
    ]
    assert found("A=1\nC=a\n", "staging") == []


def test_white_space_at_the_edges_is_named_since_services_read_without_it() -> None:
    assert found("A='x '\n", "staging") == [("warning", "A", 1, "begins or ends with white space")]
