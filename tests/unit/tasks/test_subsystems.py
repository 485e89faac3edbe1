"""A subsystem is a package with a module `tasks`: adding one touches no other folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.tasks.subsystems import load_tasks

TASKS = '''
"""A subsystem of this project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.change_task import change_task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions


@change_task(help={"name": "whom to greet"})
def greet(_: Context, options: ChangeOptions, name: str = "world") -> None:
    """Write a greeting."""
    from greetings.execute import greet

    greet(name, options)
'''
EXECUTE = """
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.project.settings import load_project


@step("greet", "greet {name}")
class Greet(Step):
    name: str


@step("sign", "sign as {name}")
class Sign(Step):
    name: str


@dataclass
class GreetingExecutor(StepExecutor):
    path: Path

    @property
    def handlers(self):
        return {Greet: self._greet, Sign: self._sign}

    def applied(self, step):
        return isinstance(step, Greet) and self.path.is_file()

    def _greet(self, step, progress):
        self.undo_stack.push("removed the greeting", self.path.unlink)
        self.path.write_text(f"hello, {step.name}")

    def _sign(self, step, progress):
        if step.name == "nobody":
            raise OpsError("nobody signs nothing")


def greet(name, options):
    project = load_project()
    with ChangeRun(project.state, project.name, options) as run:
        steps = (Greet(name=name, cause=Cause("asked for")), Sign(name=name, cause=Cause("every letter is signed")))
        run.execute(Plan(project.name, "greet", steps), GreetingExecutor(project.root / "greeting"))
        run.finish("greeted")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text("from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "shop"\nsubsystems = ["greetings"]\n')
    (tmp_path / "compose.yml").write_text("services: {}\n")
    package = tmp_path / "greetings"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    (package / "execute.py").write_text(EXECUTE)
    return tmp_path


def invoke(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    program = str(Path(sys.executable).with_name("invoke"))
    return subprocess.run(
        [program, *words], cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_its_tasks_are_listed_and_its_changes_have_plan_lock_journal_and_undo(project: Path) -> None:
    assert "greetings.greet" in invoke(project, "--list").stdout
    planned = invoke(project, "greetings.greet", "--plan", "--json", "--detailed-exitcode")
    assert planned.returncode == 10, planned.stderr
    assert [step["text"] for step in json.loads(planned.stdout)["plan"]["steps"]] == ["greet world", "sign as world"]
    assert not (project / "greeting").exists()
    failed = invoke(project, "greetings.greet", "--name", "nobody")
    assert failed.returncode == 1
    assert "nobody signs nothing" in failed.stderr
    assert not (project / "greeting").exists()
    done = invoke(project, "greetings.greet", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "greeted")
    again = invoke(project, "greetings.greet")
    assert "greet world · done already" in again.stdout
    changes = json.loads(invoke(project, "history", "--json").stdout)
    assert "undone" in json.dumps(changes)


def test_a_subsystem_that_is_not_there_is_refused(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.optimus-ops]\nsubsystems = ["absent"]\n')
    refused = invoke(project, "--list")
    assert refused.returncode == 2
    assert "no module absent.tasks" in refused.stderr


def test_a_subsystem_that_needs_a_module_which_is_not_installed_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_needs").mkdir()
    (tmp_path / "acme_needs" / "__init__.py").touch()
    (tmp_path / "acme_needs" / "tasks.py").write_text("import acme_missing.clients\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPrerequisite, match=r"acme_needs\.tasks needs the module acme_missing"):
        load_tasks(["acme_needs"])
    with pytest.raises(Refused, match=r"no module acme_nowhere\.tasks"):
        load_tasks(["acme_nowhere"])
