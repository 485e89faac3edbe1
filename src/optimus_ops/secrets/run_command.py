"""`invoke secrets.run -- COMMAND`: a command with secrets in its environment."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from optimus_ops.commandline.usage import near
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.value import Secret


def command_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return what stands behind `--` on the command line, word for word: Invoke joins it to one text."""
    words = tuple(arguments[arguments.index("--") + 1 :]) if "--" in arguments else ()
    if not words:
        raise Refused("no command to run", "name it behind two dashes: invoke secrets.run -- env")
    return words


def values_for(entries: Mapping[str, Entry], values: Mapping[str, Secret], service: str) -> Mapping[str, Secret]:
    """Return the values that a command gets: all that the schema knows, or those that a service reads.

    A key that nobody described could be one that changes how programs run, such as PATH or LD_PRELOAD.
    """
    known = {name for entry in entries.values() for name in entry.consumers}
    if service and service not in known:
        raise Refused(
            f"no service {service!r} reads secrets", near(service, known, f"those that do: {', '.join(sorted(known))}")
        )
    return {
        key: value
        for key, value in values.items()
        if value and key in entries and (not service or service in entries[key].consumers)
    }


def replace_process(words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command: signals are its own, and so is the exit code, since no other process stands between.

    Raises:
        MissingPrerequisite: there is no such program.
        OpsError: it can't be run.
    """
    program = shutil.which(words[0])
    if program is None:
        raise MissingPrerequisite(f"there is no program {words[0]!r} that can be run", "install it, or give its path")
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores them, and what is ignored stays so in the new program.
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, list(words), dict(environ))  # noqa: S606 - the operator's own command, without a shell
    except OSError as error:
        raise OpsError(f"{words[0]} can't be run: {error.strerror}") from None
