"""Guardrails: a change of 20 files over Invoke's own start, and import contracts beside import-linter's, both warm."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.ci import git, make_project, over_invoke, processor_seconds, seconds_of, timed
from benchmarks.figures import interleave, ratio_objective
from benchmarks.generated_repository import MODULES, make_repository
from benchmarks.platform_under_test import ROOT
from benchmarks.section import Blocks, paragraph, samples
from benchmarks.startup import list_seconds
from optimus_ops.reports.measurement import Objective, percentile

CHANGED_FILES = 20
CACHE = Path(".optimus", "guardrails")


def measure_change(pairs: int) -> Blocks:
    """Time a check of a change of this repository: once more, after an edit, and with nothing parsed before."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        empty, changed = Path(folder) / "empty", Path(folder) / "changed"
        empty.mkdir()
        (empty / "tasks.py").touch()
        make_change(changed)

        def check() -> float:
            return seconds_of(changed, "guardrails.check", "--base", "start", "--json")

        def check_cold() -> float:
            shutil.rmtree(changed / CACHE, ignore_errors=True)
            return check()

        def check_edited() -> float:
            check()
            edit(changed)
            return processor_seconds(check)

        ways = (
            lambda: processor_seconds(lambda: list_seconds(ROOT, empty, code=1)),
            lambda: processor_seconds(check_cold),
            # What the cold one has just parsed is warm; in the order cold, warm it always is.
            lambda: (check(), processor_seconds(check))[1],
            check_edited,
        )
        bare, cold, warm, edited = (found[1:] for found in interleave(ways, pairs + 1))
    name = f"guardrails.check of a change of {CHANGED_FILES} files"
    after_edit, at_first = f"{name}, one edited since the last check", f"{name}, nothing parsed before"
    return (
        over_invoke(name, 0.3, warm, bare),
        over_invoke(after_edit, 0.3, edited, bare),
        over_invoke(at_first, 2.0, cold, bare),
        samples({name: warm, after_edit: edited, at_first: cold, "empty tasks.py": bare}),
    )


def measure_mcp(calls: int) -> Blocks:
    """Time `check_diff` of a server that a client of the SDK started, each time after another edit of the change."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        changed = Path(folder) / "changed"
        make_change(changed)
        taken = asyncio.run(_check_seconds(changed, calls + 2))[2:]
    name = f"check_diff of {CHANGED_FILES} files over MCP, p95"
    basis = f"{calls} calls; median {statistics.median(taken) * 1000:.0f} ms"
    objective = Objective(name, "under", 150, percentile(taken, 95) * 1000, "ms", basis)
    note = paragraph(
        "Over standard input and output, from the client's call to its answer, by the server as `.mcp.json` starts it; "
        "a file of the change is edited before each call, as by an agent that mends what it was told."
    )
    return objective, note, samples({"check_diff": taken})


async def _check_seconds(root: Path, calls: int) -> list[float]:
    # It takes two seconds to import, which the other benchmarks need not wait for.
    from mcp import Client  # noqa: PLC0415
    from mcp.client.stdio import StdioServerParameters  # noqa: PLC0415

    invoke = str(ROOT / ".venv" / "bin" / "invoke")
    server = StdioServerParameters(command=invoke, args=["guardrails.serve"], cwd=str(root))
    taken = []
    async with Client(server) as client:
        for _ in range(calls):
            edit(root)
            started = time.perf_counter()
            answer = await client.call_tool("check_diff", {"base": "start"})
            taken.append(time.perf_counter() - started)
            if not answer.structured_content or "status" not in answer.structured_content:
                raise RuntimeError(f"check_diff answered {answer}")
    return taken


def edit(root: Path) -> None:
    """Add a line to a file of the change, which it never had before."""
    edited = root / "src" / "optimus_ops" / "guardrails" / "model.py"
    edited.write_text(f"{edited.read_text('utf-8')}# edit\n", "utf-8")


def make_change(root: Path) -> None:
    """Clone this checkout, and change files of it since the branch `start`, each with a comment and an import."""
    git(ROOT, "clone", "--quiet", "--local", str(ROOT), str(root))
    git(root, "branch", "start")
    known = sorted((root / "src" / "optimus_ops").rglob("model.py"))[: CHANGED_FILES // 2]
    others = sorted((root / "src" / "optimus_ops").rglob("checks.py")) + sorted((root / "services").rglob("app.py"))
    for path in [*known, *others][:CHANGED_FILES]:
        path.write_text(f"{path.read_text('utf-8')}\n# changed\nimport json as _json  # noqa\n", "utf-8")
    for number in range(CHANGED_FILES - len([*known, *others][:CHANGED_FILES])):
        (root / "src" / "optimus_ops" / "status" / f"added_{number}.py").write_text("import optimus_ops.errors\n")
    # git has no trust in an index as old as the files, by the second, and reads all of them each time, until some
    # command writes it again, as editors and prompts have done long before in a checkout that people work in.
    time.sleep(1.1)
    git(root, "update-index", "-q", "--really-refresh", "--force-write-index")


OURS = """
import sys, time
from datetime import date
from pathlib import Path
from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.git_files import work_tree
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.policy import parse_policy
started = time.perf_counter()
root, cache = Path.cwd(), ParseCache(Path.cwd() / ".optimus" / "guardrails")
policy = parse_policy((root / "policy.yaml").read_text("utf-8"))
verdict = Judge(policy, cache, date.today()).everything(work_tree(root), ())
cache.write()
print(time.perf_counter() - started)
sys.exit(len(verdict.failing))
"""
THEIRS = """
import contextlib, io, sys, time
from importlinter.cli import lint_imports
started = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    code = lint_imports(config_filename="../.importlinter")
print(time.perf_counter() - started)
sys.exit(code)
"""


def measure_contracts(pairs: int) -> Blocks:
    """Time layers and forbidden imports of a generated repository, by us and by import-linter, both warm."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        root = Path(folder) / "repository"
        make_project(root)
        make_repository(root)
        git(root, "add", "--all")
        # It imports the package from where it is started.
        ways = (lambda: seconds_within(OURS, root), lambda: seconds_within(THEIRS, root / "src"))
        ours, theirs = (found[1:] for found in interleave(ways, pairs + 1))
        commands = (
            lambda: seconds_of(root, "guardrails.check", "--all", "--json"),
            lambda: timed([str(ROOT / ".venv" / "bin" / "lint-imports"), "--config", "../.importlinter"], root / "src"),
        )
        own_command, their_command = (found[1:] for found in interleave(commands, pairs + 1))
    name = f"import contracts of {MODULES} modules, in times of import-linter"
    note = paragraph(
        "Both judge the same layers and the same forbidden imports, through others as well, with what they parsed "
        "before at hand, in a process of their own whose start is left out; a command also starts Invoke or click, "
        "which is among the samples. Guardrails judge whole files besides: waivers, and what can't be parsed."
    )
    kept = {
        "guardrails": ours,
        "import-linter": theirs,
        "invoke guardrails.check --all": own_command,
        "lint-imports": their_command,
    }
    return ratio_objective(name, 1.0, ours, theirs), note, samples(kept)


def seconds_within(program: str, folder: Path) -> float:
    """Return the seconds that a program says it took; it has to succeed."""
    command = [str(ROOT / ".venv" / "bin" / "python"), "-c", program]
    return float(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300).stdout)
