from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project

DOCUMENT: dict[str, Any] = {
    "name": "shop",
    "services": {name: {"image": "x"} for name in ("edge-proxy", "migrate", "db")},
}


def compose(folder: Path, settings: str) -> DockerCompose:
    (folder / "pyproject.toml").write_text(f"[tool.optimus-ops]\nname = 'shop'\n{settings}\n")
    return DockerCompose(load_project(folder, {}), ())


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ("balancer = 'edge-prox'", "did you mean edge-proxy?"),
        ("migrations = 'migration'", "did you mean migrate?"),
        ("balancer = 'zzz'", "services: db, edge-proxy, migrate"),
    ],
)
def test_a_service_of_the_settings_that_is_not_there_is_refused_with_the_nearest(
    tmp_path: Path, settings: str, hint: str
) -> None:
    with pytest.raises(Refused, match="there is no service") as refused:
        compose(tmp_path, settings).stack_of(DOCUMENT)
    assert hint in str(refused.value)


def test_only_the_conventional_names_need_not_be_there(tmp_path: Path) -> None:
    found = compose(tmp_path, "balancer = 'edge-proxy'").stack_of(DOCUMENT)
    assert (found.balancer, found.migrations) == ("edge-proxy", None)
