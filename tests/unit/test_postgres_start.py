"""compose/postgres/start.sh: the server's environment holds no password, whichever image starts it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

START = Path(__file__).parents[2] / "compose" / "postgres" / "start.sh"
# As the public image does: a password of a file becomes a variable, and stays one.
ENTRYPOINT = """
[ -s "$PGDATA/PG_VERSION" ] || echo 16 > "$PGDATA/PG_VERSION"
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then export POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"; fi
"""


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\nset -eu\n{text}")
    (folder / name).chmod(0o755)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name in ("bin", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "password").write_text("canary-value")
    program(tmp_path / "bin", "docker-entrypoint.sh", f'{ENTRYPOINT}env\necho "arguments: $*"\n')
    program(tmp_path / "bin", "docker-ensure-initdb.sh", f"{ENTRYPOINT}echo initialised $POSTGRES_PASSWORD >&2\n")
    program(tmp_path / "bin", "postgres", "cat >&2\n")
    return {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PGDATA": str(tmp_path / "data"),
        "POSTGRES_PASSWORD_FILE": str(tmp_path / "password"),
        "POSTGRES_USER": "optimus",
        "POSTGRES_DB": "optimus",
    }


def started(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(START)], env=environ, capture_output=True, check=True, text=True)


def test_a_first_start_makes_the_database_and_then_starts_without_the_password(environ: dict[str, str]) -> None:
    done = started(environ)
    assert done.stderr == "initialised canary-value\n"
    assert "canary-value" not in done.stdout
    assert "arguments: postgres -c config_file=" in done.stdout


def test_a_later_start_sets_the_password_and_then_starts_without_it(environ: dict[str, str]) -> None:
    (Path(environ["PGDATA"]) / "PG_VERSION").write_text("16")
    done = started(environ)
    assert done.stderr == "ALTER ROLE \"optimus\" PASSWORD 'canary-value';\n"
    assert "canary-value" not in done.stdout
    assert "arguments: postgres -c config_file=" in done.stdout


def test_an_image_that_only_its_entrypoint_initialises_is_given_the_password(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "docker-ensure-initdb.sh").unlink()
    assert f"POSTGRES_PASSWORD_FILE={tmp_path / 'password'}" in started(environ).stdout
