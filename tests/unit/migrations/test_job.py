"""Asking the migrations job, with a program in place of `docker` that writes down what it is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.stacks import DOCUMENT, stack

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.errors import OpsError, Refused
from optimus_ops.migrations.job import DOWNGRADE, REVISION, SQL, JobFailed, downgrade, pending_sql, revision
from optimus_ops.migrations.lint import check_pending
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import Project

LABELS = {REVISION: "tool at", SQL: "tool plan --format 'plain sql'", DOWNGRADE: "tool back"}

DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$0.told"
case "$1" in
    compose) {run} ;;
    ps) case "$*" in *status=exited*) echo {ended} ;; *) echo {made} ;; esac ;;
esac
"""


@dataclass(frozen=True)
class Engine:
    """The program in place of `docker`."""

    compose: DockerCompose
    program: Path

    def answers(self, run: str, *, made: str = "", ended: str = "") -> None:
        """Say what `docker compose run` does, as a shell command, and which containers there are."""
        self.program.write_text(DOCKER.format(run=run, made=made, ended=ended))
        self.program.chmod(0o755)

    @property
    def told(self) -> list[str]:
        path = self.program.with_name("docker.told")
        return path.read_text().splitlines() if path.is_file() else []

    @property
    def removed(self) -> list[str]:
        return [line.split()[-1] for line in self.told if line.startswith("rm ")]

    @property
    def command(self) -> str:
        """Return what the job was asked to do."""
        (line,) = [line for line in self.told if line.startswith("compose ")]
        return line.partition(" migrations ")[2]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    project = Project(
        root=tmp_path,
        name="shop",
        compose=tmp_path,
        base="docker-compose.yml",
        overlays=(),
        balancer="nginx-lb",
        migrations="migrations",
        state=tmp_path / "state",
        secrets=tmp_path / "secrets",
        secrets_file=tmp_path / ".env.secrets",
    )
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Engine(DockerCompose(project, (tmp_path / "docker-compose.yml",)), folder / "docker")


def with_labels(**labels: str) -> Stack:
    return stack(migrations={**DOCUMENT["services"]["migrations"], "labels": labels})


def test_the_revision_is_what_the_labelled_command_prints(engine: Engine) -> None:
    engine.answers("echo waiting >&2; echo 0007")
    assert revision(engine.compose, with_labels(**LABELS)) == "0007"
    assert engine.command == "tool at"


def test_the_sql_is_all_that_is_printed(engine: Engine) -> None:
    engine.answers("printf 'BEGIN;\\n-- x\\nCOMMIT;\\n'; echo waiting >&2")
    assert pending_sql(engine.compose, with_labels(**LABELS)) == "BEGIN;\n-- x\nCOMMIT;\n"
    assert engine.command == "tool plan --format plain sql"


def test_the_revision_to_go_back_to_is_the_last_argument(engine: Engine) -> None:
    engine.answers("echo reverted 8; echo; echo reverted 7")
    assert downgrade(engine.compose, with_labels(**LABELS), "0006") == ("reverted 8", "reverted 7")
    assert engine.command == "tool back 0006"


def test_a_run_starts_nothing_else_and_removes_itself(engine: Engine) -> None:
    engine.answers("echo 1")
    revision(engine.compose, with_labels(**LABELS))
    (line,) = [line for line in engine.told if line.startswith("compose ")]
    for word in ("run", "--rm", "--no-deps", "-T"):
        assert f" {word} " in line


@pytest.mark.parametrize("wanted", [with_labels(), stack(migrations=None), with_labels(**{REVISION: " ", SQL: ""})])
def test_a_project_without_hooks_is_not_asked(engine: Engine, wanted: Stack) -> None:
    engine.answers("echo never; exit 1")
    assert revision(engine.compose, wanted) is None
    assert pending_sql(engine.compose, wanted) is None
    assert "not checked" in check_pending(engine.compose, wanted, allow_contract=False)
    with pytest.raises(OpsError, match="no way back"):
        downgrade(engine.compose, wanted, "1")
    assert engine.told == []


@pytest.mark.parametrize("printed", ["true", "echo 1; echo 2", "echo one two"])
def test_what_is_no_revision_is_not_taken_for_one(engine: Engine, printed: str) -> None:
    engine.answers(printed)
    with pytest.raises(OpsError, match="revision"):
        revision(engine.compose, with_labels(**LABELS))


def test_a_job_that_fails_says_why_and_its_container_is_removed(engine: Engine) -> None:
    engine.answers("echo half an answer; echo the database is closed >&2; exit 7", made="c1")
    with pytest.raises(JobFailed, match="the database is closed") as failed:
        pending_sql(engine.compose, with_labels(**LABELS))
    assert "ended with 7" in str(failed.value)
    assert SQL in str(failed.value)
    assert set(engine.removed) == {"c1"}


def test_a_job_that_hangs_is_ended_and_its_container_removed(engine: Engine) -> None:
    engine.answers("sleep 60", made="c2")
    with pytest.raises(OpsError, match="did not go back to 0001 within"):
        downgrade(engine.compose, with_labels(**LABELS), "0001", deadline=0.3)
    assert set(engine.removed) == {"c2"}


def test_an_interruption_removes_the_container_too(engine: Engine) -> None:
    engine.answers("echo 1 >&2; sleep 60", made="c3")

    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        downgrade(engine.compose, with_labels(**LABELS), "0001", on_line=interrupt)
    assert set(engine.removed) == {"c3"}


def test_what_an_earlier_run_left_is_cleared_away(engine: Engine) -> None:
    engine.answers("echo 1", made="running", ended="'old1\nold2'")
    revision(engine.compose, with_labels(**LABELS))
    assert engine.removed == ["old1", "old2"]


def test_a_label_that_is_no_command_line_is_named(engine: Engine) -> None:
    with pytest.raises(OpsError, match=REVISION):
        revision(engine.compose, with_labels(**{REVISION: "tool 'at"}))
    assert engine.told == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [("", "nothing pending"), ("-- at 7\\n", "nothing pending"), ("CREATE TABLE t (a int);", "only adds")],
)
def test_what_is_pending_is_told_in_a_few_words(engine: Engine, sql: str, said: str) -> None:
    engine.answers(f"printf %b '{sql}'")
    assert said in check_pending(engine.compose, with_labels(**LABELS), allow_contract=False)


def test_a_pending_contraction_is_refused_unless_it_is_allowed(engine: Engine) -> None:
    engine.answers("echo 'DROP TABLE t;'")
    with pytest.raises(Refused, match="DROP TABLE t"):
        check_pending(engine.compose, with_labels(**LABELS), allow_contract=False)
    assert "allowed" in check_pending(engine.compose, with_labels(**LABELS), allow_contract=True)


def test_this_projects_job_has_all_three_labels() -> None:
    common = (Path(__file__).parents[3] / "compose" / "common.yml").read_text()
    assert [label for label in (REVISION, SQL, DOWNGRADE) if f"{label}: python -m memory_engine" not in common] == []
