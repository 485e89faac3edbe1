"""Guardrails: a change of 20 files over Invoke's own start, and import contracts beside import-linter's, both warm."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from benchmarks.ci import git, make_project, over_invoke, processor_seconds, seconds_of, timed
from benchmarks.figures import interleave, ratio_objective
from benchmarks.generated_repository import MODULES, make_repository
from benchmarks.platform_under_test import ROOT
from benchmarks.section import Blocks, paragraph, samples
from benchmarks.startup import list_seconds

CHANGED_FILES = 20
CACHE = Path(".optimus", "guardrails")


def measure_change(pairs: int) -> Blocks:
    """Time a check of a change of this repository, with and without what was parsed before, and an empty start."""
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

        ways = (
            lambda: processor_seconds(lambda: list_seconds(ROOT, empty, code=1)),
            lambda: processor_seconds(check_cold),
            # What the cold one has just parsed is warm; in the order cold, warm it always is.
            lambda: (check(), processor_seconds(check))[1],
        )
        bare, cold, warm = (found[1:] for found in interleave(ways, pairs + 1))
    name = f"guardrails.check of a change of {CHANGED_FILES} files"
    return (
        over_invoke(name, 0.3, warm, bare),
        over_invoke(f"{name}, nothing parsed before", 2.0, cold, bare),
        samples({name: warm, f"{name}, nothing parsed before": cold, "empty tasks.py": bare}),
    )


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


def measure_contracts(pairs: int) -> Blocks:
    """Time layers and forbidden imports of a generated repository, by us and by import-linter, both warm."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        root = Path(folder) / "repository"
        make_project(root)
        make_repository(root)
        git(root, "add", "--all")
        ways = (
            lambda: seconds_of(root, "guardrails.check", "--all", "--json"),
            # It imports the package from where it is started.
            lambda: timed([str(ROOT / ".venv" / "bin" / "lint-imports"), "--config", "../.importlinter"], root / "src"),
        )
        ours, theirs = (found[1:] for found in interleave(ways, pairs + 1))
    name = f"guardrails.check --all of {MODULES} modules, in times of import-linter"
    note = paragraph(
        "Both judge the same layers and the same forbidden imports, through others as well, with what they parsed "
        "before at hand; each is a whole command, its start included."
    )
    return ratio_objective(name, 1.0, ours, theirs), note, samples({"guardrails.check": ours, "lint-imports": theirs})
