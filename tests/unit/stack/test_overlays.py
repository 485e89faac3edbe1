"""Which overlays a stack keeps, and which switch is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project, load_project
from optimus_ops.stack.overlays import check_switch, compose_of, overlays_of, with_staying

BASE, SCALE, SENTINEL = (f"/srv/compose/docker-compose{name}.yml" for name in ("", ".scale", ".sentinel"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})


def test_overlays_are_told_by_the_names_of_their_files(project: Project) -> None:
    files = [BASE, SCALE, SENTINEL, "/srv/other.yml", "/srv/compose/compose.scale.yml"]
    assert overlays_of(project, files) == {"scale", "sentinel"}


def test_what_a_flag_added_stays() -> None:
    assert with_staying((), frozenset({"scale", "sentinel"})) == ("sentinel",)
    assert with_staying(("sentinel",), frozenset({"sentinel", "observability"})) == ("sentinel", "observability")


def test_what_no_flag_adds_does_not_stay() -> None:
    assert with_staying((), frozenset({"dev", "scale"})) == ()


def test_an_overlay_that_runs_but_has_no_file_any_more_does_not_stay(project: Project) -> None:
    project.compose.mkdir()
    for name in ("docker-compose.yml", "docker-compose.sentinel.yml"):
        (project.compose / name).write_text("services: {}")
    running = [str(project.compose / f"docker-compose.{name}.yml") for name in ("observability", "sentinel")]
    names = [path.name for path in compose_of(project, running).files]
    assert names == ["docker-compose.yml", "docker-compose.sentinel.yml"]


def test_sentinels_are_not_added_to_a_stack_that_runs_without(project: Project) -> None:
    with pytest.raises(Refused, match="shop runs with a single Redis"):
        check_switch(project, ("sentinel",), [BASE, SCALE])


@pytest.mark.parametrize("files", [[], [BASE, SCALE, SENTINEL]])
def test_sentinels_may_be_asked_for_where_nothing_runs_or_they_do(project: Project, files: list[str]) -> None:
    check_switch(project, ("sentinel",), files)


def test_other_overlays_may_come_at_any_time(project: Project) -> None:
    check_switch(project, ("observability",), [BASE, SCALE])
