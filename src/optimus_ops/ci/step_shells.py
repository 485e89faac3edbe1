"""Shells of steps that wait, where a step fails, until all of its output was read.

act reads a step's output through a pseudo-terminal, and drops what it has not read by the time that the step fails: the
lines that say why. So the shells that act finds first print a line at the end of a step that failed, and go on when
this process has seen it; all before it was read then. What a step runs finds the shells of this machine.
"""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = ("bash", "sh", "python", "pwsh")
MARK = "optimus-ops: end of a step that failed "
SCRIPT = """\
#!/bin/sh
# Made by optimus_ops/ci/step_shells.py
own={own}
case "$PATH" in
  *"$own:"*) PATH="${{PATH%%"$own":*}}${{PATH#*"$own":}}" ;;
esac
case "$*" in
  *"{scripts}"*) ;;
  *) exec {shell} "$@" ;;
esac
{shell} "$@"
code=$?
if [ "$code" != 0 ] && [ -t 1 ]; then
  echo "{mark}$$"
  tries=0
  while [ ! -e {folder}/"$$" ] && [ "$tries" -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
fi
exit "$code"
"""
SCRIPTS = "/act/workflow/"
"""Part of the path of every script that act writes for a step."""


def write_shells(folder: Path, path: str) -> None:
    """Write a shell of each kind that PATH has into a folder, which goes in front of it."""
    folder.mkdir(parents=True)
    for name in SHELLS:
        if shell := shutil.which(name, path=path):
            text = SCRIPT.format(
                own=shlex.quote(str(folder)),
                shell=shlex.quote(shell),
                scripts=SCRIPTS,
                mark=MARK,
                folder=shlex.quote(str(folder / "read")),
            )
            (folder / name).write_text(text, "utf-8")
            (folder / name).chmod(0o755)
    (folder / "read").mkdir()


def confirm_read(folder: Path, line: str) -> str:
    """Return a line of a step's output; if it asks whether it was read, say so, and return what stands before that."""
    before, mark, number = line.rpartition(MARK)
    if not mark or not number.strip().isdecimal():
        return line
    (folder / "read" / number.strip()).touch()
    return before
