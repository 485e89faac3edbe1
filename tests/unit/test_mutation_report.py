"""The page with scores of mutation testing."""

import json
from pathlib import Path

import pytest
from scripts import mutation_report


def write_results(root: Path, module: str, *codes: int | None) -> None:
    path = root / "mutants" / "src" / f"{module}.py.meta"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"exit_code_by_key": dict(enumerate(codes))}))


def test_scores_are_of_modules_that_were_tried_whole_and_others_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "mutation.md"
    monkeypatch.setattr(mutation_report, "CHECKOUT", tmp_path)
    monkeypatch.setattr(mutation_report, "PAGE", page)
    page.write_text("| `lib.before` | 9 | 9 | 100 % | 2026-01-01 |\n")
    write_results(tmp_path, "lib/plan", 1, 1, 0, 33, -24)
    write_results(tmp_path, "lib/half", 1, None)
    mutation_report.main()
    rows = [line.split("|")[1:5] for line in page.read_text().splitlines() if line.startswith("| `")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["`lib.before`", "9", "9", "100 %"],
        ["`lib.plan`", "5", "3", "60 %"],
    ]
