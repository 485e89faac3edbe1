"""docs/ci-reference.md is what the actions and workflows say."""

from __future__ import annotations

from pathlib import Path

from scripts.ci_reference import REFERENCE, reference
from tests.unit.repository import CHECKOUT


def test_the_reference_is_that_of_the_files() -> None:
    assert REFERENCE.read_text("utf-8") == reference(CHECKOUT / ".github"), "run: python -m scripts.ci_reference"


def test_each_input_is_explained() -> None:
    rows = [line for line in REFERENCE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_reusable_workflows_are_listed_with_inputs_secrets_and_outputs(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "x.yml").write_text(
        "name: X\non: {workflow_call: {inputs: {a: {required: true, description: An input}}, secrets: {t: }, "
        "outputs: {o: {description: One | two}}}}\njobs: {}\n"
    )
    (tmp_path / "workflows" / "y.yml").write_text("name: Y\non: push\njobs: {}\n")
    (tmp_path / "workflows" / "z.yml").write_text("# Runs where\n# called.\n\n# More\non: workflow_call\njobs: {}\n")
    made = reference(tmp_path)
    assert "## workflows/x.yml\n\nX\n" in made
    assert "| `a` | required | An input |" in made
    assert "| `t` |  |  |" in made
    assert "| `o` |  | One \\| two |" in made
    assert "y.yml" not in made
    assert made.endswith("## workflows/z.yml\n\nRuns where\ncalled.\n")
