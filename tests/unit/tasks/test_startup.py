from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.repository import CHECKOUT

HEAVY = {
    *("docker", "requests", "redis", "rich", "jinja2", "sqlglot", "pglast", "httptools", "optimus_ops.plan"),
    *("mcp", "mcp_types", "pydantic", "starlette", "uvicorn", "anyio"),
}
INVOKE = str(Path(sys.executable).with_name("invoke"))


def imported_by(*words: str) -> set[str]:
    """Return the modules that a command line of Invoke imports."""
    command = [sys.executable, "-X", "importtime", INVOKE, *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_listing_the_tasks_imports_nothing_that_only_carries_them_out() -> None:
    # The first time after a change of the Compose files, the names of services are read and kept.
    subprocess.run([INVOKE, "--list"], cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=True)
    imported = imported_by("--list")
    assert "optimus_ops.tasks.root" in imported
    assert {name for name in imported for heavy in HEAVY if f"{name}.".startswith(f"{heavy}.")} == set()


def test_checking_the_rules_imports_nothing_of_their_server() -> None:
    code = "import sys, optimus_ops.guardrails.check, optimus_ops.guardrails.command, optimus_ops.guardrails.tasks"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert {"mcp", "pydantic", "anyio"} & set(done.stdout.split()) == set()


def test_a_task_of_a_collection_loads_the_tasks_of_no_other_one_and_no_reports() -> None:
    code = """
import contextlib, sys
from optimus_ops.commandline.program import main
sys.argv = ["invoke", "guardrails.explain", "library-layers", "--json"]
with contextlib.suppress(SystemExit):
    main()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("optimus_ops.")}
    assert {name for name in loaded if name.endswith(".tasks")} == {"optimus_ops.tasks", "optimus_ops.guardrails.tasks"}
    assert {name for name in loaded if name.startswith("optimus_ops.reports.")} == {"optimus_ops.reports.place"}


def test_several_tasks_in_one_line_are_all_found() -> None:
    done = subprocess.run(
        [INVOKE, "guardrails.explain", "library-layers", "ci.list"], cwd=CHECKOUT, capture_output=True, check=True
    )
    assert b"library-layers" in done.stdout
    assert b"workflow_dispatch" in done.stdout
