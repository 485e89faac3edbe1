"""Starts the service, or works on its database: `python -m memory_engine [migrate|current|sql|downgrade]`.

`current` and `sql` print nothing but their answer on standard output, so that a program can read it; what they wait for
goes to standard error. SIGTERM ends a migration at once: the statement under way is cancelled, its step undone.

Without a command the environment decides: RUN_MIGRATIONS_ONLY=true migrates and ends, RUN_MIGRATIONS=true migrates and
serves, SKIP_STARTUP_BOOTSTRAP=true serves whatever RUN_MIGRATIONS says.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from memory_engine.logins import login_reader
from memory_engine.settings import SERVICE, MemorySettings
from optimus_kit.secrets import MissingSecret
from optimus_kit.settings import SettingsError


class Stopped(KeyboardInterrupt):
    """SIGTERM came. A KeyboardInterrupt, because upon that the driver cancels the statement under way."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 done, 1 failed, 2 bad settings or arguments, 130 and 143 stopped by SIGINT and SIGTERM.
    """
    command = parser().parse_args(arguments)
    try:
        settings = MemorySettings.from_env(os.environ)
        if command.name is None and settings.run_migrations_only:
            command = parser().parse_args(["migrate"])
        return work(command, settings) if command.name else start(settings)
    except (SettingsError, MissingSecret) as error:
        say(f"error: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        say("error: stopped; the step under way, if any, was undone", sys.stderr)
        return 143 if isinstance(stop, Stopped) else 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    commands = argparse.ArgumentParser(prog="python -m memory_engine", description="The memory-engine service.")
    names = commands.add_subparsers(dest="name", metavar="COMMAND", title="commands (none: serve)")
    up = names.add_parser("migrate", help="bring the database's schema up to date")
    up.add_argument("--to", default="head", metavar="REVISION")
    names.add_parser("current", help='print the schema\'s revision, "base" for an empty database')
    names.add_parser("sql", help="print the SQL that migrate would run; nothing if nothing is pending")
    down = names.add_parser("downgrade", help="take the schema back; what newer steps made is lost")
    down.add_argument("to", metavar="REVISION", help='a revision as `current` prints it, or "base"')
    return commands


def start(settings: MemorySettings) -> int:
    """Serve, after migrating where the settings say so."""
    if settings.run_migrations and not settings.skip_bootstrap:
        # In a process of its own: what migrating imports would stay in the server's memory.
        with stopped_by_sigterm():
            migrated = subprocess.run([sys.executable, "-m", "memory_engine", "migrate"], check=False)
        if migrated.returncode:
            return migrated.returncode
    from optimus_kit.server import serve  # noqa: PLC0415 - only the server needs it

    serve("memory_engine.app:build_app", settings.service)
    return 0


def work(command: argparse.Namespace, settings: MemorySettings) -> int:
    """Work on the database's schema."""
    # Here, so that SQLAlchemy and Alembic stay out of the server's memory.
    from memory_engine import migrate  # noqa: PLC0415
    from memory_engine.connection import MigrationError  # noqa: PLC0415

    database = settings.database
    try:
        with stopped_by_sigterm():
            if command.name == "current":
                print(migrate.current(database, aside) or migrate.NOTHING, flush=True)
                return 0
            if command.name == "sql":
                print(migrate.pending(database, aside), end="", flush=True)
                return 0
            if command.name == "downgrade":
                outcome = migrate.downgrade(database, say, to=command.to)
            else:
                login = login_reader(settings.service.secrets.get)
                outcome = migrate.migrate(database, say, to=command.to, login=login)
    except MigrationError as error:
        say(f"error: {error}", sys.stderr)
        return 1
    say(f"the schema is at {outcome.after or 'nothing'}; steps done: {len(outcome.applied)}")
    return 0


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt what is done here. As PID 1 of a container a program without a handler never hears it."""

    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def aside(line: str) -> None:
    """Print a progress line on standard error at once."""
    say(line, sys.stderr)


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a progress line at once."""
    print(f"{SERVICE}: {line}", file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
