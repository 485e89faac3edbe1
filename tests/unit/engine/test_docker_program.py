"""What the `docker` command line answers, and what becomes of it, with a program in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from optimus_ops.engine.docker_compose import DockerCompose, shell_command
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.docker_host import plugin_version
from optimus_ops.engine.pins import Pins, write_pins
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.system.process import CommandFailed, DeadlinePassed

Install = Callable[[str], Path]


class Api:
    """What the API says of an image that was pushed."""

    def inspect_image(self, name: str) -> dict[str, object]:
        repository = name.partition(":")[0]
        return {"RepoDigests": ["elsewhere@sha256:0", f"{repository}@sha256:9"]}


ENGINE = DockerEngine(Api(), "here")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what puts a program in the place of `docker`, and gives the file with the words it was told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(body: str) -> Path:
        program, told = folder / "docker", folder / "told"
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >> {told}\n{body}\n")
        program.chmod(0o755)
        return told

    return install


@pytest.fixture
def compose(tmp_path: Path) -> DockerCompose:
    return DockerCompose(load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"}), (tmp_path / "docker-compose.yml",))


# The merged model


def test_files_that_do_not_parse_are_refused_with_what_compose_says(docker: Install, compose: DockerCompose) -> None:
    docker('case "$*" in *version*) echo v2.30.0;; *) echo "services.web: bad" >&2; exit 15;; esac')
    with pytest.raises(Refused, match=r"\(docker-compose.yml\) do not parse:\n    services.web: bad"):
        compose.document()
    assert compose.services() is None


def test_a_compose_that_is_missing_is_said_to_be_missing_and_not_the_files_to_be_wrong(
    docker: Install, compose: DockerCompose
) -> None:
    docker('echo "docker: compose is not a docker command" >&2; exit 1')
    with pytest.raises(MissingPrerequisite, match="`docker compose` is missing"):
        compose.document()


def test_a_machine_without_docker_is_told_how_to_install_it(
    compose: DockerCompose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingPrerequisite, match="there is no `docker`"):
        compose.document()
    assert plugin_version("compose") is None


def test_a_model_that_is_none_is_refused(docker: Install, compose: DockerCompose) -> None:
    docker("echo '[]'")
    with pytest.raises(Refused, match="printed no model"):
        compose.document()


def test_values_of_variables_are_asked_of_compose_and_only_if_there_are_any(
    docker: Install, compose: DockerCompose
) -> None:
    told = docker("""echo '{"x-optimus-values": {"TOKEN": "a$$b"}}'""")
    assert compose.values([]) == {}
    assert not told.exists()
    assert compose.values(["TOKEN"]) == {"TOKEN": "a$b"}


def test_services_of_all_profiles_and_digests_are_read_line_by_line(docker: Install, compose: DockerCompose) -> None:
    told = docker('case "$*" in *--hash*) printf "web abc\\n\\nnoise\\ndb def\\n";; *) printf "web\\ndb\\n";; esac')
    assert compose.services() == ("web", "db")
    assert compose.hashes({"services": {}}) == {"web": "abc", "db": "def"}
    assert "--profile *" in told.read_text("utf-8")


def test_variables_of_a_change_win_over_those_of_the_environment(
    docker: Install, compose: DockerCompose, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker('echo "$IMAGE_TAG $COMPOSE_PROJECT_NAME"')
    monkeypatch.setenv("IMAGE_TAG", "1")
    assert compose.run("config").stdout == "1 shop\n"
    assert compose.with_variables({"IMAGE_TAG": "2"}).run("config").stdout == "2 shop\n"


# Jobs and builds


def job(compose: DockerCompose, *, seconds: float = 60.0) -> int:
    return compose.run_job("web", ["check"], label="com.optimus.hook", seconds=seconds).code


def test_a_job_that_ended_well_leaves_nothing_to_remove_but_what_killed_runs_left(
    docker: Install, compose: DockerCompose
) -> None:
    told = docker('case "$*" in "ps --all"*"status=exited"*) echo old;; esac')
    assert job(compose) == 0
    lines = told.read_text("utf-8").splitlines()
    assert lines[1] == "rm --force --volumes old"
    assert [line for line in lines[2:] if line.startswith(("ps", "rm"))] == []


def test_the_container_of_a_job_that_failed_is_looked_for_twice_and_removed(
    docker: Install, compose: DockerCompose
) -> None:
    told = docker('case "$*" in *" run "*) exit 3;; *"name=^/?shop-web-hook"*) echo left;; esac')
    assert job(compose) == 3
    assert told.read_text("utf-8").splitlines().count("rm --force --volumes left") == 2


def test_the_container_of_a_job_that_does_not_end_is_removed(docker: Install, compose: DockerCompose) -> None:
    told = docker('case "$*" in *" run "*) exec sleep 60;; *"name=^/?shop-web-hook"*) echo left;; esac')
    with pytest.raises(DeadlinePassed):
        job(compose, seconds=0.2)
    assert "rm --force --volumes left" in told.read_text("utf-8")


def test_a_build_that_fails_shows_the_end_of_its_output_on_whichever_stream_it_came(
    docker: Install, compose: DockerCompose
) -> None:
    docker('echo "step 1"; echo "no space" >&2; exit 1')
    lines: list[str] = []
    with pytest.raises(CommandFailed, match="no space"):
        compose.build(
            ["web"], override={}, arguments=["TAG"], environ=dict(os.environ), seconds=60, on_line=lines.append
        )
    assert sorted(lines) == ["no space", "step 1"]


def test_a_command_of_compose_can_be_typed_whatever_its_file_is_called() -> None:
    line = shell_command("shop", Path("/a b/c.yml"), "up", "-d")
    assert line == "docker compose --progress plain --project-name shop --file '/a b/c.yml' up -d"


# The engine's processes and images


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ("echo 'Docker Compose version v2.26.1-4'", "2.26.1-4"),
        ("echo 'github.com/docker/buildx 0.13.1+ds1'", "0.13.1+ds1"),
        ("echo dev", "of unknown version"),
        ("echo v2.0.0; exit 1", None),
    ],
)
def test_a_plugin_s_version_is_read_from_what_it_prints(docker: Install, body: str, version: str | None) -> None:
    docker(body)
    assert ENGINE.plugin_version("compose") == version


def test_a_command_in_a_container_that_fails_is_an_error_where_that_is_asked_for(docker: Install) -> None:
    told = docker('echo "broken" >&2; exit 4')
    assert ENGINE.exec("a", ["check", "--now"], seconds=60).code == 4
    with pytest.raises(CommandFailed, match="ended with 4"):
        ENGINE.exec("a", ["check"], seconds=60, check=True)
    assert told.read_text("utf-8").splitlines()[0] == "exec a check --now"


def test_output_of_a_command_in_a_container_is_written_as_it_comes(docker: Install) -> None:
    docker("printf 'one\\ntwo'; exit 5")
    written: list[bytes] = []
    assert ENGINE.exec_to("a", ["dump"], written.append, idle_seconds=60) == 5
    assert b"".join(written) == b"one\ntwo"


def test_a_helper_has_no_network_and_only_what_it_is_given(docker: Install) -> None:
    told = docker("cat")
    fed = ENGINE.run_helper(
        "redis:8", ["cat", "x"], volumes_of="a", user="7", scratch="/data", feed=lambda pipe: pipe.write(b"fed")
    )
    assert fed.stdout == "fed"
    ENGINE.run_helper("redis:8", ["true"])
    full, bare = told.read_text("utf-8").splitlines()
    assert "--volumes-from a --user 7 --volume /data --cap-drop ALL --entrypoint sh redis:8 -euc cat sh x" in full
    assert bare == "run --rm --interactive --network none --entrypoint sh redis:8 -euc true sh"


def test_a_pushed_image_has_the_digest_of_its_own_repository(docker: Install) -> None:
    docker('echo "layer: Pushed"')
    lines: list[str] = []
    assert ENGINE.push_image("web:1", seconds=60, on_line=lines.append) == "sha256:9"
    assert lines == ["layer: Pushed"]


def test_images_are_pulled_saved_imported_and_baked_by_the_command_line(docker: Install, tmp_path: Path) -> None:
    told, lines = docker("echo sha256:1"), list[str]()
    ENGINE.pull("web:1", seconds=60)
    ENGINE.save_image("web:1", tmp_path / "web.tar", seconds=60)
    ENGINE.import_image(tmp_path / "a.tar", "base:1", ["USER 7"], seconds=60, on_line=lines.append)
    for cache in (True, False):
        ENGINE.bake(tmp_path / "bake.json", cache=cache, seconds=60, on_line=lines.append)
    pull, save, made, cached, anew = told.read_text("utf-8").splitlines()
    assert pull == "pull --quiet web:1"
    assert save == f"save --output {tmp_path}/web.tar web:1"
    assert made == f"import --change USER 7 {tmp_path}/a.tar base:1"
    assert "--no-cache" not in cached
    assert anew.endswith("--no-cache")


def test_an_image_that_no_registry_has_can_t_be_pulled(docker: Install) -> None:
    docker('echo "manifest unknown" >&2; exit 1')
    with pytest.raises(CommandFailed, match="manifest unknown"):
        ENGINE.pull("web:9", seconds=60)


def test_pins_are_one_more_compose_file_and_those_of_a_plan_are_gone_after_its_run(
    docker: Install, compose: DockerCompose
) -> None:
    told = docker("""echo '{"services": {}}'""")
    write_pins(compose.pins_file, Pins({"web": "web:2"}))
    compose.document()
    compose.with_pins(Pins({"web": "web:3"})).document()
    kept, planned = (line.split()[4] for line in told.read_text("utf-8").splitlines())
    assert kept == str(compose.pins_file)
    assert planned.endswith("pins.yml")
    assert not Path(planned).exists()


def test_pins_that_can_t_be_read_are_refused_with_what_to_do(docker: Install, compose: DockerCompose) -> None:
    told = docker("")
    compose.pins_file.parent.mkdir(parents=True)
    compose.pins_file.write_text('{"services": []}', "utf-8")
    with pytest.raises(Refused, match="can't be read as pins") as refused:
        compose.document()
    assert "remove it" in (refused.value.hint or "")
    assert not told.exists()
