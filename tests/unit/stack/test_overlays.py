"""Which overlays a stack keeps, and which switch is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project, load_project
from optimus_ops.stack.overlays import check_switch, compose_of, overlays_of, with_staying
from optimus_ops.tasks.root import contexts_of, make_namespace

BASE, SCALE, SENTINEL = (f"/srv/compose/docker-compose{name}.yml" for name in ("", ".scale", ".sentinel"))


SETTINGS = """
[tool.optimus-ops]
overlays = ["scale"]
plain-overlays = ["dev"]
whole-stack-overlays = ["sentinel"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "compose").mkdir()
    for name in ("", ".scale", ".dev", ".sentinel", ".traces"):
        (tmp_path / "compose" / f"docker-compose{name}.yml").write_text("services: {}")
    return load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})


def test_flags_come_from_the_files_that_there_are(project: Project) -> None:
    assert list(project.optional_overlays) == ["sentinel", "traces"]
    (project.compose / "docker-compose.traces.yml").unlink()
    assert list(project.optional_overlays) == ["sentinel"]


def test_an_overlay_has_a_flag_of_scale_and_up(project: Project) -> None:
    contexts = contexts_of(make_namespace(project.root))
    for task in ("scale", "up"):
        assert {"--sentinel", "--traces"} <= contexts[task].flags.keys()
        assert not {"--observability", "--dev"} & contexts[task].flags.keys()


def test_overlays_are_told_by_the_names_of_their_files(project: Project) -> None:
    files = [BASE, SCALE, SENTINEL, "/srv/other.yml", "/srv/compose/compose.scale.yml"]
    assert overlays_of(project, files) == {"scale", "sentinel"}


def test_what_a_flag_added_stays(project: Project) -> None:
    assert with_staying(project, (), frozenset({"scale", "sentinel"})) == ("sentinel",)
    assert with_staying(project, ("sentinel",), frozenset({"sentinel", "traces"})) == ("sentinel", "traces")


def test_what_no_flag_adds_does_not_stay(project: Project) -> None:
    assert with_staying(project, (), frozenset({"dev", "scale"})) == ()


def test_an_overlay_that_runs_but_has_no_file_any_more_does_not_stay(project: Project) -> None:
    running = [str(project.compose / f"docker-compose.{name}.yml") for name in ("gone", "sentinel")]
    names = [path.name for path in compose_of(project, running).files]
    assert names == ["docker-compose.yml", "docker-compose.scale.yml", "docker-compose.sentinel.yml"]


def test_an_overlay_that_changes_what_runs_is_not_added_to_a_running_stack(project: Project) -> None:
    with pytest.raises(Refused, match="shop runs without the overlay sentinel"):
        check_switch(project, ("sentinel",), [BASE, SCALE])


@pytest.mark.parametrize("files", [[], [BASE, SCALE, SENTINEL]])
def test_it_may_be_asked_for_where_nothing_runs_or_it_does(project: Project, files: list[str]) -> None:
    check_switch(project, ("sentinel",), files)


def test_other_overlays_may_come_at_any_time(project: Project) -> None:
    check_switch(project, ("traces",), [BASE, SCALE])
