"""Asking whether to go on."""

from __future__ import annotations

import sys

from optimus_ops.errors import Refused
from optimus_ops.secrets.operator_input import agrees, at_terminal
from optimus_ops.text.console import Console


def confirm(question: str, console: Console) -> None:
    """Ask a question at the terminal; refuse unless it is answered with yes.

    Raises:
        Refused: there is no terminal to ask at, or the answer is another one.
    """
    if not at_terminal():
        raise Refused("this has to be confirmed, and there is no terminal to ask at", "if it is meant: --yes")
    console.stream.write(f"{question} [y/N] ")
    console.stream.flush()
    if not agrees(sys.stdin.readline()):
        raise Refused("not confirmed", "nothing was changed")
