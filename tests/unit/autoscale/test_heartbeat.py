"""The heartbeat of the autoscaler's service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

from optimus_ops.autoscale.heartbeat import NO_HEARTBEAT, Heartbeat


def test_it_lives_until_the_time_that_was_said(tmp_path: Path) -> None:
    beat = Heartbeat.of({"OPTIMUS_HEARTBEAT": str(tmp_path / "beat")})
    assert not beat.alive()
    beat.expect(3600)
    assert beat.alive()
    beat.expect(-1)
    assert not beat.alive()


def test_without_a_file_nothing_is_written_and_nothing_lives() -> None:
    NO_HEARTBEAT.expect(3600)
    assert (Heartbeat.of({}), NO_HEARTBEAT.alive()) == (NO_HEARTBEAT, False)


@pytest.mark.parametrize(("content", "code"), [("1e300\n", 0), ("0\n", 1), ("", 1), ("soon", 1), (None, 1)])
def test_the_health_check_is_its_exit_code(tmp_path: Path, content: str | None, code: int) -> None:
    path = tmp_path / "beat"
    if content is not None:
        path.write_text(content)
    environ = {**os.environ, "OPTIMUS_HEARTBEAT": str(path), "PYTHONPATH": str(CHECKOUT / "src")}
    words = [sys.executable, "-m", "optimus_ops.autoscale.heartbeat"]
    assert subprocess.run(words, env=environ, check=False, capture_output=True).returncode == code
