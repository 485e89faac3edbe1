"""The balancer's own nginx reads its configuration, in every combination of files."""

from __future__ import annotations

import os
import subprocess

import pytest
from tests.integration.test_compose_renders import rendered
from tests.unit.compose_files import STACKS
from tests.unit.repository import CHECKOUT

pytestmark = pytest.mark.integration


def nginx_image() -> str:
    """The image of the environment or of `compose/.env`, else the public one."""
    lines = (CHECKOUT / "compose" / ".env").read_text().splitlines() if (CHECKOUT / "compose" / ".env").exists() else []
    named = dict(line.split("=", 1) for line in lines if "=" in line)
    return (
        os.environ.get("NGINX_IMAGE") or named.get("NGINX_IMAGE") or rendered("scale")["services"]["nginx-lb"]["image"]
    )


@pytest.mark.parametrize("stack", [stack for stack in STACKS if "scale" in stack], ids="+".join)
def test_nginx_takes_its_configuration(stack: tuple[str, ...]) -> None:
    mounts = [
        word
        for mount in rendered(*stack)["services"]["nginx-lb"]["volumes"]
        if mount["type"] == "bind"
        for word in ("--volume", f"{mount['source']}:{mount['target']}:ro")
    ]
    limits = ["--rm", "--network", "none", "--tmpfs", "/tmp", "--tmpfs", "/var/cache/nginx", "--tmpfs", "/run"]
    command = ["docker", "run", *limits, *mounts, "--entrypoint", "nginx", nginx_image(), "-t"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "syntax is ok" in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
