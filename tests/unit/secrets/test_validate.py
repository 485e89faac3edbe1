"""What is found wrong with the operator's file and its values."""

from __future__ import annotations

from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.validate import check_file
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
