"""Asking the migrations job: at which revision is the database, what is pending, and back again.

A project says how with labels on its migrations service; each is a command line that its image understands:

- `com.optimus.migrations.revision` prints the database's revision, one word, and nothing else on standard output;
- `com.optimus.migrations.sql` prints the SQL that migrating would run now, and runs nothing of it;
- `com.optimus.migrations.downgrade` takes the database back to the revision that follows as its last argument.

They are run with `docker compose run`, so on the image that the Compose files and pins name at that moment.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from optimus_ops.engine.compose_port import Compose
from optimus_ops.errors import OpsError
from optimus_ops.model.stack import Stack
from optimus_ops.system.process import CommandFailed, Completed, DeadlinePassed

REVISION = "com.optimus.migrations.revision"
SQL = "com.optimus.migrations.sql"
DOWNGRADE = "com.optimus.migrations.downgrade"

ASK_SECONDS = 120.0
DOWNGRADE_SECONDS = 600.0
TAIL_LINES = 20

# On the containers made here, so that only these are cleared away.
HOOK_LABEL = "com.optimus.migrations.hook"


class JobFailed(CommandFailed):
    """The migrations job couldn't do what it was asked."""

    def __init__(self, service: str, purpose: str, label: str, completed: Completed) -> None:
        """Show what was asked of the job and the end of its output."""
        super().__init__(completed)
        output = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-TAIL_LINES:] or ["(nothing)"]
        first = f"{service} could not {purpose}; it ended with {completed.code}:"
        self.message = "\n    ".join([first, *output])
        self.hint = f"the command is the label {label} of {service}; its image has to know it"


def revision(compose: Compose, stack: Stack, *, deadline: float = ASK_SECONDS) -> str | None:
    """Return the revision that the database is at; None if the project has no way to tell.

    Raises:
        OpsError: the job failed, did not end in time (its wait for the database included), or printed something else.
    """
    command = _command(stack, REVISION)
    if command is None:
        return None
    printed = _ask(compose, stack, REVISION, command, "tell the database's revision", deadline).stdout.split()
    if len(printed) != 1:
        raise OpsError(
            f"{stack.migrations} printed {len(printed)} words in place of the database's revision",
            f"the command of the label {REVISION} has to print the revision and nothing else",
        )
    return printed[0]


def pending_sql(compose: Compose, stack: Stack, *, deadline: float = ASK_SECONDS) -> str | None:
    """Return the SQL that migrating would run now, "" if nothing is pending; None if the project has no way to tell."""
    command = _command(stack, SQL)
    return None if command is None else _ask(compose, stack, SQL, command, "tell what is pending", deadline).stdout


def downgrade(
    compose: Compose,
    stack: Stack,
    to: str,
    *,
    deadline: float = DOWNGRADE_SECONDS,
    on_line: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Take the database back to a revision; return the job's output, line by line.

    Only an image that knows the newer revisions can leave them: call it while the Compose files name the new one, and
    after the replicas that use the newer schema are gone. `on_line` is called with each line of standard error.

    Raises:
        OpsError: the project has no way back, or the job failed or did not end in time.
    """
    command = _command(stack, DOWNGRADE)
    if command is None:
        raise OpsError(
            f"the migrations stay: the project has no way back to {to}",
            f"a project that has one says so with the label {DOWNGRADE} on its migrations service",
        )
    done = _ask(compose, stack, DOWNGRADE, (*command, to), f"go back to {to}", deadline, on_line)
    return tuple(line for line in done.stdout.splitlines() if line.strip())


def _command(stack: Stack, label: str) -> tuple[str, ...] | None:
    text = stack.services[stack.migrations].labels.get(label, "") if stack.migrations else ""
    try:
        return tuple(shlex.split(text)) or None
    except ValueError as error:
        raise OpsError(f"the label {label} of {stack.migrations} is no command line: {error}") from error


def _ask(
    compose: Compose,
    stack: Stack,
    label: str,
    command: tuple[str, ...],
    purpose: str,
    deadline: float,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run a command in a container of the job's own, which is removed however it ended."""
    service = str(stack.migrations)
    try:
        done = compose.run_job(service, command, label=HOOK_LABEL, seconds=deadline, on_line=on_line)
    except DeadlinePassed as error:
        raise OpsError(
            f"{service} did not {purpose} within {deadline:g} s, and was ended",
            "does another migration hold the database's lock? invoke logs postgres",
        ) from error
    if done.code != 0:
        raise JobFailed(service, purpose, label, done)
    return done
