from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.tasks.root import contexts_of, make_namespace

ODD = ("web.api", "class", "plan", "json", "1st-api", '"1"', "my_svc", "my-svc", "help", "logs", "self", "null")


@pytest.mark.parametrize(
    "services",
    [
        *(f"{{{name}: {{image: x}}}}" for name in ODD),
        "{" + ", ".join(f"{name}: {{image: x}}" for name in ODD) + "}",
        "{1: {image: x}, true: {image: x}, ? [a] : {image: x}}",
        "[",
        "3",
        "",
    ],
)
def test_no_project_is_too_odd_to_list_its_tasks(tmp_path: Path, services: str) -> None:
    (tmp_path / "compose.yaml").write_text(f"name: odd\nservices: {services}\n")
    contexts = contexts_of(make_namespace(tmp_path))
    assert contexts["scale"].help_tuples()
    assert "--replicas" in contexts["scale"].flags
