"""The commands of the README and of the configuration, run as they stand there, on a stack of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.platform import ROOT, SECONDS, Platform, remove_everything

PAGES = (ROOT / "README.md", ROOT / "docs" / "configuration.md")

pytestmark = pytest.mark.integration


def commands() -> list[str]:
    """Return the commands between ```console fences, but the one that runs these tests."""
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    found = re.findall(r"^\$ (.+)$", text, flags=re.MULTILINE)
    return [command for command in found if not command.endswith(" nox")]


def test_every_command_works_in_the_order_in_which_they_stand(tmp_path: Path) -> None:
    # Nobody sends requests while replicas drain.
    stack = Platform.fresh(tmp_path, "readme", ROOT).having(DRAIN_DELAY="1")
    try:
        run_all(stack)
    finally:
        remove_everything(stack.project)


def run_all(stack: Platform) -> None:
    for command in commands():
        ran = run_in_shell(stack, command)
        assert ran.returncode == 0, f"$ {command}\n{ran.stdout}\n{ran.stderr}"
        if "curl" in command:
            assert '"choices"' in ran.stdout


def run_in_shell(platform: Platform, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command line; ports and the secrets' file are those of the test's stack."""
    shown = command.replace(":8010/", f":{platform.ai_port}/").replace(
        ".env.secrets", str(platform.folder / "env.secrets")
    )
    path = f"{Path(sys.executable).parent}:{platform.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", shown],
        cwd=ROOT,
        env={**platform.environ, "PATH": path, "OPTIMUS_SECRETS_DIR": str(platform.folder / "state" / "secrets")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
