from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from optimus_ops.engine.service_names import ServiceNames, service_names
from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project, load_project


@dataclass
class Asked:
    """Answers as Compose would, and counts how often it is asked."""

    answer: ServiceNames | Refused = field(default_factory=lambda: ServiceNames(("web", "db"), ("web",)))
    times: int = 0

    def __call__(self, _project: Project) -> ServiceNames:
        self.times += 1
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(
        "include: [more.yml]\n"
        "services: {web: {image: 'x:${TAG:-1}', extends: {file: e.yml, service: a}, env_file: w.env}}\n"
    )
    for name in ("more.yml", "e.yml", "w.env", "unrelated.yml"):
        (tmp_path / name).write_text("{}\n")
    return tmp_path


def names(folder: Path, asked: Asked, environ: dict[str, str] | None = None) -> ServiceNames:
    return service_names(load_project(folder, environ or {}), environ or {}, asked)


def test_compose_is_asked_once(folder: Path) -> None:
    asked = Asked()
    assert names(folder, asked) == names(folder, asked) == ServiceNames(("web", "db"), ("web",))
    assert asked.times == 1


@pytest.mark.parametrize("changed", ["compose.yaml", "more.yml", "e.yml", "w.env", ".env"])
def test_any_file_that_the_model_is_made_of_counts(folder: Path, changed: str) -> None:
    asked = Asked()
    names(folder, asked)
    with (folder / changed).open("a") as stream:
        stream.write("# another\n")
    names(folder, asked)
    assert asked.times == 2


def test_other_files_and_variables_do_not_count(folder: Path) -> None:
    asked = Asked()
    names(folder, asked)
    (folder / "unrelated.yml").write_text("# another\n")
    names(folder, asked, {"UNRELATED": "1"})
    assert asked.times == 1


@pytest.mark.parametrize("environ", [{"TAG": "2"}, {"COMPOSE_PROFILES": "jobs"}])
def test_variables_that_the_model_is_made_of_count(folder: Path, environ: dict[str, str]) -> None:
    asked = Asked()
    names(folder, asked)
    names(folder, asked, environ)
    assert asked.times == 2


def test_the_files_that_compose_env_files_names_count(folder: Path) -> None:
    asked, environ = Asked(), {"COMPOSE_ENV_FILES": "live.env"}
    names(folder, asked, environ)
    (folder / "live.env").write_text("TAG=3\n")
    names(folder, asked, environ)
    assert asked.times == 2


def test_a_broken_model_leaves_what_was_known_and_what_can_be_read(folder: Path) -> None:
    names(folder, Asked())
    (folder / "compose.yaml").write_text("services: {web: {image: x}, new: {image: x}, data: {volumes: ['d:/d']}}\n")
    problem = Refused("the Compose files do not parse")
    found = names(folder, Asked(problem))
    assert found == ServiceNames(("web", "db", "new", "data"), ("web", "new"), problem)


@pytest.mark.parametrize("text", ["services: [", "- a", "", "services: 3", "services: {1: {image: x}}", "\x00"])
def test_no_file_is_too_broken_to_start(folder: Path, text: str) -> None:
    (folder / "compose.yaml").write_text(text)
    problem = Refused("broken")
    assert names(folder, Asked(problem)).problem is problem


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"digest": "x", "inputs": 3}'])
def test_a_damaged_record_is_made_anew(folder: Path, text: str) -> None:
    names(folder, Asked())
    [record] = (folder / ".optimus" / "model").iterdir()
    record.write_text(text)
    asked = Asked()
    names(folder, asked)
    assert asked.times == 1
    assert names(folder, asked).scalable == ("web",)
    assert asked.times == 1
