from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.system.process import CommandFailed, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_comes_back_and_standard_error_line_by_line() -> None:
    lines: list[str] = []
    code = "import sys; print('out'); print('one', file=sys.stderr); print('two', file=sys.stderr)"
    completed = run(python(code), on_line=lines.append)
    assert (completed.stdout, lines) == ("out\n", ["one", "two"])


def test_a_failure_shows_the_command_and_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="the reason") as failed:
        run(python("import sys; sys.exit('the reason')"))
    assert failed.value.completed.code == 1


def test_a_failure_is_a_value_where_it_is_expected() -> None:
    assert run(python("raise SystemExit(3)"), check=False).code == 3


def test_a_command_that_is_not_there_is_lacking() -> None:
    with pytest.raises(MachineLacks, match="no-such-command"):
        run(["no-such-command"])


def test_a_deadline_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    # A shell, since it has begun long before the deadline on a busy machine too.
    with pytest.raises(OpsError, match="did not end"):
        run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], deadline=3.0)
    assert not alive(int(note.read_text()))


def alive(pid: int) -> bool:
    """Tell whether a process still runs; one that ended and waits to be reaped doesn't. Give it a moment to end."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return os.path.exists(f"/proc/{pid}")  # noqa: PTH110 - /proc isn't a file system to walk
