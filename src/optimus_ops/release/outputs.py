"""Outputs of a workflow's step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_outputs(values: Mapping[str, str]) -> None:
    """Write values of one line as outputs of the step, where a workflow runs this."""
    if target := os.environ.get("GITHUB_OUTPUT"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())
