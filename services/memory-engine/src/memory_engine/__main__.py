"""Starts the service, or works on its database: `python -m memory_engine [migrate|current|downgrade]`.

Without a command the environment decides: RUN_MIGRATIONS_ONLY=true migrates and ends, RUN_MIGRATIONS=true migrates and
serves, SKIP_STARTUP_BOOTSTRAP=true serves whatever RUN_MIGRATIONS says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import TextIO

from memory_engine.settings import SERVICE, MemorySettings
from optimus_kit.secrets import MissingSecret
from optimus_kit.settings import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 when it is done, 1 when it failed, 2 for bad settings or arguments."""
    command = parser().parse_args(arguments)
    try:
        settings = MemorySettings.from_env(os.environ)
        if command.name is None and settings.run_migrations_only:
            command = parser().parse_args(["migrate"])
        return work(command, settings) if command.name else start(settings)
    except (SettingsError, MissingSecret) as error:
        say(f"error: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    commands = argparse.ArgumentParser(prog="python -m memory_engine", description="The memory-engine service.")
    names = commands.add_subparsers(dest="name", metavar="COMMAND", title="commands (none: serve)")
    up = names.add_parser("migrate", help="bring the database's schema up to date")
    up.add_argument("--to", default="head", metavar="REVISION")
    names.add_parser("current", help="print the schema's revision")
    down = names.add_parser("downgrade", help="take the schema back; what newer steps made is lost")
    down.add_argument("to", metavar="REVISION", help='a revision, or "base"')
    return commands


def start(settings: MemorySettings) -> int:
    """Serve, after migrating where the settings say so."""
    if settings.run_migrations and not settings.skip_bootstrap:
        # In a process of its own: what migrating imports would stay in the server's memory.
        migrated = subprocess.run([sys.executable, "-m", "memory_engine", "migrate"], check=False)
        if migrated.returncode:
            return migrated.returncode
    from optimus_kit.server import serve  # noqa: PLC0415 - only the server needs it

    serve("memory_engine.app:build_app", settings.service)
    return 0


def work(command: argparse.Namespace, settings: MemorySettings) -> int:
    """Work on the database's schema."""
    from memory_engine import migrate  # noqa: PLC0415 - SQLAlchemy and Alembic stay out of the server's memory

    database = settings.database
    try:
        if command.name == "current":
            say(migrate.current(database, say) or "empty")
            return 0
        if command.name == "downgrade":
            outcome = migrate.downgrade(database, say, to=command.to)
        else:
            password = settings.service.secrets.get("MEMORY_DB_PASSWORD")
            outcome = migrate.migrate(database, say, to=command.to, login_password=password)
    except migrate.MigrationError as error:
        say(f"error: {error}", sys.stderr)
        return 1
    say(f"the schema is at {outcome.after or 'nothing'}; steps done: {len(outcome.applied)}")
    return 0


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a progress line at once."""
    print(f"{SERVICE}: {line}", file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
