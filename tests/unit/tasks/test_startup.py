from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.repository import CHECKOUT

HEAVY = {
    *("docker", "requests", "redis", "rich", "jinja2", "sqlglot", "pglast", "httptools", "optimus_ops.plan"),
    *("mcp", "mcp_types", "pydantic", "starlette", "uvicorn", "anyio"),
}


def test_listing_the_tasks_imports_nothing_that_only_carries_them_out() -> None:
    invoke = Path(sys.executable).with_name("invoke")
    # The first time after a change of the Compose files, the names of services are read and kept.
    subprocess.run([invoke, "--list"], cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=True)
    command = [sys.executable, "-X", "importtime", str(invoke), "--list"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert "optimus_ops.tasks.root" in imported
    assert {name for name in imported for heavy in HEAVY if f"{name}.".startswith(f"{heavy}.")} == set()


def test_checking_the_rules_imports_nothing_of_their_server() -> None:
    code = "import sys, optimus_ops.guardrails.check, optimus_ops.guardrails.command, optimus_ops.guardrails.tasks"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert {"mcp", "pydantic", "anyio"} & set(done.stdout.split()) == set()
