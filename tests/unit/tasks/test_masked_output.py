"""No secret value leaves `invoke`, whatever a task, its child processes and its errors say."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from tests.support import invoke_server

CANARY = "sk-canary-7f3a91c2d4"
STAGING = "canary-of-staging-5b1e"
FORMER = "canary-in-secondary-88aa"
TASKS = """
import json, logging, sys
from pathlib import Path

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.commandline.task_decorator import task
from optimus_ops.errors import OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.model import Finding, Output, Paragraph, Run, Section, Table
from optimus_ops.reports.step_outputs import write_outputs
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.system.process import BothStreams, run
from optimus_ops.text.console import Console, print_json

CANARIES = Path("canaries").read_text().split()
SCRIPT = ["sh", "-c", "cat canaries encoded; cat canaries encoded >&2; exit 3"]


@step("leak", "leak {word}")
class Leak(Step):
    word: str


class Leaking(StepExecutor):
    @property
    def handlers(self):
        return {Leak: self._leak}

    def _leak(self, step, progress):
        progress.note = " ".join(CANARIES)
        progress.show("x" * (100 - len(CANARIES[0]) + 3) + CANARIES[0])
        self.undo_stack.push(f"undid {CANARIES[0]}", lambda: print(CANARIES))
        progress.complaints.extend(CANARIES)
        run(SCRIPT, on_line=BothStreams(progress.show))


@task(name="say")
def say(_):
    print(*CANARIES)
    print(Path("encoded").read_text(), end="", file=sys.stderr)
    logging.getLogger("x").warning("%s", CANARIES)
    for value in CANARIES:
        for character in value:
            sys.stdout.write(character)
    print()
    Console.standard().say(f"said {CANARIES}")
    run(SCRIPT, check=False, on_line=BothStreams(print))


@task(name="document")
def document(_, json: bool = False):
    print_json({CANARIES[0]: CANARIES, "line": run(SCRIPT, check=False).stdout})


@task(name="report")
def report(_):
    cell = f"a {CANARIES[0]} b"
    found = Run(cell, cell, {"fact": cell}, (
        Section(cell, (Paragraph(cell), Table(("a", "b"), ((cell, cell),)), Output("\\n".join(CANARIES)),
                       Finding("r", "error", cell, hint=cell))),), cell)
    write_report(found, Path("made"), "report")
    print(terminal_text(found, colour=False, columns=24))
    write_outputs({"value": cell})


@task(name="change")
def change(_):
    project = load_project()
    with ChangeRun(project.state, project.name, ChangeOptions(report="made")) as run:
        run.execute(Plan(project.name, "leak", (Leak(word=CANARIES[0], cause=Cause(CANARIES[0])),)), Leaking())


@task(name="fail")
def fail(_, json: bool = False):
    raise OpsError(f"{CANARIES[0]} is refused", f"take another one than {CANARIES[1]}")


@task(name="crash")
def crash(_):
    raise RuntimeError(" ".join(CANARIES))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project whose tasks show its secrets wherever they can."""
    (tmp_path / "tasks.py").write_text("from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "shop"\nsubsystems = ["leaks"]\n')
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "leaks").mkdir()
    (tmp_path / "leaks" / "__init__.py").touch()
    (tmp_path / "leaks" / "tasks.py").write_text(TASKS)
    (tmp_path / ".env.secrets").write_text(f"A={CANARY}\nTENANT_X_API_KEY_SECONDARY={FORMER}\nSHORT=1\n")
    (tmp_path / ".env.secrets.staging").write_text(f"A={STAGING}\n")
    (tmp_path / "canaries").write_text(f"{CANARY} {STAGING} {FORMER}\n")
    (tmp_path / "encoded").write_text(f"{base64.b64encode(f'user:{CANARY}'.encode()).decode()}\n")
    return tmp_path


def invoke(project: Path, *words: str) -> str:
    """Run a task; return its output and all that it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    environment |= {"OPTIMUS_EVENTS": str(project / "made-events"), "GITHUB_OUTPUT": str(project / "made-outputs")}
    done = invoke_server.invoke(words, project, environment, 60)
    written = [path for place in ("made*", "made/*", ".optimus/**/*") for path in project.glob(place) if path.is_file()]
    return "\n".join([done.out, done.err, *(path.read_text("utf-8", "replace") for path in written)])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("leaks.say",), 8),
        (("leaks.document", "--json"), 5),
        (("leaks.report",), 20),
        (("leaks.change",), 10),
        (("leaks.fail",), 2),
        (("leaks.fail", "--json"), 4),
        (("leaks.crash",), 3),
    ],
)
def test_no_value_comes_out(project: Path, words: tuple[str, ...], expected: int) -> None:
    shown = invoke(project, *words)
    assert shown.count("[secret]") >= expected, shown
    for value in (CANARY, STAGING, FORMER):
        assert value not in shown
        # Nor what is left of one that was cut or folded.
        assert value[:12] not in shown
        assert value[-10:] not in shown
    assert base64.b64encode(CANARY.encode()).decode()[4:16] not in shown


def test_a_masked_document_is_still_json(project: Path) -> None:
    (project / "canaries").write_text(f"{CANARY} 1234567890\n")
    with (project / ".env.secrets").open("a") as file:
        file.write("NUMBER=1234567890\n")
    shown = invoke(project, "leaks.document", "--json")
    assert json.JSONDecoder().raw_decode(shown)[0]["[secret]"] == ["[secret]", "[secret]"]


def test_what_is_asked_for_is_shown(project: Path) -> None:
    (project / ".env.example").write_text("# A.\n# @operator\nA=\n# B.\n# @generate=hex(16)\nB=\n")
    assert CANARY in invoke(project, "secrets.get", "A")
    assert CANARY in invoke(project, "secrets.run", "--", "env")
