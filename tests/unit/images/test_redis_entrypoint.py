"""The fallback image of Redis starts as the public image does: without protected mode, unless somebody asks for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

ENTRYPOINT = CHECKOUT / "compose" / "airgap" / "redis" / "entrypoint.sh"
OFF = "--protected-mode no"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """What the entrypoint would start, as programs that say how they were; nobody is root here."""
    for name, script in {"redis-server": 'echo "$@"', "redis-sentinel": 'echo "$@"', "id": "echo 999"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def started(programs: Path, *words: str) -> str:
    path = f"{programs}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", str(ENTRYPOINT), *words], env={"PATH": path}, cwd=programs, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("words", [("redis-server",), ("redis-server", "--save", ""), ("--appendonly", "yes")])
def test_a_server_that_says_nothing_of_it_is_open_to_its_network(programs: Path, words: tuple[str, ...]) -> None:
    assert started(programs, *words).endswith(OFF)


@pytest.mark.parametrize(
    ("content", "open_to_all"),
    [
        ("save 900 1\n", True),
        ("# protected-mode yes\n", True),
        ("Protected-Mode yes\n", False),
        ("include {}/more.conf\n", False),
    ],
)
def test_what_a_configuration_file_says_of_it_holds(programs: Path, content: str, open_to_all: bool) -> None:
    (programs / "more.conf").write_text("protected-mode yes\n")
    (programs / "redis.conf").write_text(content.format(programs))
    for words in (("redis-server", "redis.conf"), ("redis.conf",)):
        assert started(programs, *words) == f"redis.conf{f' {OFF}' if open_to_all else ''}"


@pytest.mark.parametrize(
    "words",
    [
        ("redis-server", "--protected-mode", "yes"),
        ("redis-server", "sentinel.conf", "--sentinel"),
        ("redis-server", "--test-memory", "8"),
        ("redis-server", "-"),
        ("redis-sentinel", "sentinel.conf"),
    ],
)
def test_what_is_said_otherwise_stays_as_it_is(programs: Path, words: tuple[str, ...]) -> None:
    assert started(programs, *words) == " ".join(words[1:])
