from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import BudgetPolicy
from optimus_ops.project.settings import check_name, load_project


def written(folder: Path, text: str) -> Path:
    (folder / "tasks.py").touch()
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_without_settings_the_conventions_hold(tmp_path: Path) -> None:
    project = load_project(written(tmp_path, ""), {})
    assert (project.balancer, project.migrations, project.budgets) == ("nginx-lb", "migrations", {})


def test_what_is_kept_back_can_be_set(tmp_path: Path) -> None:
    project = load_project(
        written(tmp_path, "[tool.optimus-ops.budgets]\noperator-connections = 8\ncpu-overcommit = 1.5"), {}
    )
    assert BudgetPolicy.of(project.budgets) == BudgetPolicy(operator_connections=8, cpu_overcommit=1.5)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.optimus-ops]\nnonsense = 1",
        "[tool.optimus-ops]\nbudgets = 3",
        "[tool.optimus-ops.budgets]\nnonsense = 1",
        "[tool.optimus-ops.budgets]\noperator-connections = -1",
        "[tool.optimus-ops.budgets]\noperator-connections = true",
        "[tool.optimus-ops.budgets]\ncpu-overcommit = inf",
        '[tool.optimus-ops.budgets]\ncpu-overcommit = "2"',
        "[tool",
    ],
)
def test_malformed_settings_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match=r"optimus-ops|can't be read"):
        BudgetPolicy.of(load_project(written(tmp_path, text), {}).budgets)


def files_of(folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    project = load_project(folder, environ or {})
    return [str(path.relative_to(folder.resolve())) for path in project.files()]


def compose_file(path: Path, text: str = "services: {web: {image: x}}\n") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_the_conventional_file_is_found_in_its_folder_or_at_the_root_with_its_override(tmp_path: Path) -> None:
    written(tmp_path, "")
    compose_file(tmp_path / "docker-compose.yml")
    compose_file(tmp_path / "docker-compose.override.yml")
    assert files_of(tmp_path) == ["docker-compose.yml", "docker-compose.override.yml"]
    compose_file(tmp_path / "compose.yaml")
    assert files_of(tmp_path)[0] == "compose.yaml"
    compose_file(tmp_path / "compose" / "docker-compose.yml")
    assert files_of(tmp_path) == ["compose/docker-compose.yml"]


def test_compose_file_is_the_whole_list_from_the_environment_or_the_root_s_dotenv(tmp_path: Path) -> None:
    written(tmp_path, '[tool.optimus-ops]\noverlays = ["scale"]\n')
    for name in ("a/one.yml", "b/two.yml", "compose/docker-compose.yml", "compose/docker-compose.scale.yml"):
        compose_file(tmp_path / name)
    assert files_of(tmp_path) == ["compose/docker-compose.yml", "compose/docker-compose.scale.yml"]
    assert files_of(tmp_path, {"COMPOSE_FILE": "a/one.yml:b/two.yml"}) == ["a/one.yml", "b/two.yml"]
    (tmp_path / ".env").write_text("COMPOSE_FILE=b/two.yml,a/one.yml\nCOMPOSE_PATH_SEPARATOR=,\n")
    assert files_of(tmp_path) == ["b/two.yml", "a/one.yml"]
    assert load_project(tmp_path, {}).compose == tmp_path.resolve() / "b"


def test_a_listed_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no Compose file nowhere\.yml"):
        files_of(written(tmp_path, ""), {"COMPOSE_FILE": "nowhere.yml"})


def test_the_name_is_the_one_that_plain_compose_takes(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    base = folder / "compose" / "docker-compose.yml"
    compose_file(base)
    assert load_project(folder, {}).name == "compose"
    base.write_text("name: 'file-${STAGE:-dev}'  # said here\nservices: {web: {image: x}}\n")
    assert load_project(folder, {}).name == "file-dev"
    assert load_project(folder, {"STAGE": "live"}).name == "file-live"
    (base.parent / ".env").write_text("STAGE=dotenv\n")
    assert load_project(folder, {}).name == "file-dotenv"
    (folder / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "settings"\n')
    assert load_project(folder, {}).name == "settings"
    (base.parent / ".env").write_text("COMPOSE_PROJECT_NAME=dotenv\n")
    assert load_project(folder, {}).name == "dotenv"
    assert load_project(folder, {"COMPOSE_PROJECT_NAME": "shell"}).name == "shell"


def test_a_folder_s_name_is_made_one_of_a_project(tmp_path: Path) -> None:
    folder = tmp_path / "_My.App 1"
    compose_file(folder / "compose.yaml")
    assert load_project(folder, {}).name == "myapp1"


def test_the_name_is_known_where_the_files_do_not_parse(tmp_path: Path) -> None:
    compose_file(tmp_path / "compose.yaml", "name: shop\nservices: [\n")
    assert load_project(tmp_path, {}).name == "shop"


def test_two_names_of_one_project_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, '[tool.optimus-ops]\nname = "shop"\n')
    compose_file(folder / "compose.yaml", "name: ${COMPOSE_PROJECT_NAME:-shop}\n")
    check_name(load_project(folder, {}), {})
    compose_file(folder / "compose.yaml", "name: store\n")
    with pytest.raises(Refused, match=r"two names: shop .* store"):
        check_name(load_project(folder, {}), {})
    chosen = {"COMPOSE_PROJECT_NAME": "store"}
    check_name(load_project(folder, chosen), chosen)


def test_profiles_of_either_place_are_passed_on(tmp_path: Path) -> None:
    compose_file(tmp_path / "compose.yaml")
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=jobs\n")
    assert load_project(tmp_path, {}).variables["COMPOSE_PROFILES"] == "jobs"
    assert load_project(tmp_path, {"COMPOSE_PROFILES": "x"}).variables["COMPOSE_PROFILES"] == "x"


def test_files_of_variables_are_those_that_compose_reads(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    compose_file(folder / "compose" / "docker-compose.yml", "name: ${NAME:-none}\nservices: {}\n")
    (folder / "compose" / ".env").write_text("NAME=beside\n")
    (folder / "a.env").write_text("NAME=first\n")
    (folder / "b.env").write_text("NAME=second\n")
    assert load_project(folder, {}).name == "beside"
    assert load_project(folder, {"COMPOSE_ENV_FILES": "a.env,b.env"}).name == "second"
    assert load_project(folder, {"COMPOSE_DISABLE_ENV_FILE": "1"}).name == "none"


def test_a_folder_that_is_a_link_is_the_one_that_it_leads_to(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    compose_file(folder / "deploy" / "docker-compose.yml")
    (folder / "compose").symlink_to("deploy")
    assert load_project(folder, {}).real_folder == str(folder.resolve() / "deploy")
