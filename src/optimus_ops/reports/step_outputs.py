"""Outputs of a workflow's step, which later steps and jobs read.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions (`GITHUB_OUTPUT`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from optimus_ops.system.output_masking import masked

VARIABLE = "GITHUB_OUTPUT"


def write_outputs(outputs: Mapping[str, str]) -> None:
    """Write outputs, a line each; nothing outside of a workflow."""
    if target := os.environ.get(VARIABLE):
        with Path(target).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={masked(value)}\n" for name, value in outputs.items())
