from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.system.process import BothStreams, CommandFailed, DeadlinePassed, run, stream


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_comes_back_and_standard_error_line_by_line() -> None:
    lines: list[str] = []
    code = "import sys; print('out'); print('one', file=sys.stderr); print('two', file=sys.stderr)"
    completed = run(python(code), on_line=lines.append)
    assert (completed.stdout, lines) == ("out\n", ["one", "two"])


def test_both_streams_come_in_the_order_written_where_both_are_asked_for() -> None:
    lines: list[str] = []
    completed = run(["sh", "-c", "echo one; echo two >&2; echo three"], on_line=BothStreams(lines.append))
    assert (completed.stdout, completed.stderr, lines) == ("", "one\ntwo\nthree\n", ["one", "two", "three"])


def test_a_failure_shows_the_command_and_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="the reason") as failed:
        run(python("import sys; sys.exit('the reason')"))
    assert failed.value.completed.code == 1


def test_a_failure_is_a_value_where_it_is_expected() -> None:
    assert run(python("raise SystemExit(3)"), check=False).code == 3


def test_a_command_that_is_not_there_is_lacking() -> None:
    with pytest.raises(MissingPrerequisite, match="no-such-command"):
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


def test_a_command_reads_what_is_fed_to_it() -> None:
    content = b"line\n" * 100_000
    completed = run(["wc", "-c"], feed=lambda pipe: pipe.write(content))
    assert int(completed.stdout) == len(content)


def test_a_command_that_ends_early_leaves_the_rest_unread() -> None:
    completed = run(["sh", "-c", "exit 4"], check=False, feed=lambda pipe: pipe.write(b"x" * 10**7))
    assert completed.code == 4


def test_a_command_never_works_on_half_an_input(tmp_path: Path) -> None:
    def half(pipe: BinaryIO) -> None:
        pipe.write(b"half")
        raise ValueError("the other half is missing")

    done = tmp_path / "done"
    with pytest.raises(ValueError, match="the other half"):
        run(["sh", "-c", f"cat > {tmp_path}/read && touch {done}"], feed=half)
    assert not done.exists()


def test_output_is_written_as_it_comes_and_the_code_returned() -> None:
    chunks: list[bytes] = []
    code = stream(["sh", "-c", "head -c 3000000 /dev/zero; exit 5"], chunks.append, idle_seconds=30.0)
    assert (code, sum(map(len, chunks))) == (5, 3_000_000)


def test_a_stream_without_output_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(DeadlinePassed, match="no output for 1 s"):
        stream(["sh", "-c", f"echo $$ > {note}; exec sleep 60"], lambda _: None, idle_seconds=1.0)
    assert not alive(int(note.read_text()))


def test_a_stream_that_can_not_be_written_is_ended(tmp_path: Path) -> None:
    def full(_chunk: bytes) -> None:
        raise OSError("no space left")

    note = tmp_path / "pid"
    with pytest.raises(OSError, match="no space left"):
        stream(["sh", "-c", f"echo $$ > {note}; echo x; exec sleep 60"], full, idle_seconds=30.0)
    assert not alive(int(note.read_text()))
