"""Runs of `secrets.set` and `secrets.init` that are killed: each file is whole, and the next run completes them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from tests.unit.secrets.samples import CANARY, Checkout

if TYPE_CHECKING:
    from pathlib import Path

RUNNER = """
    import io, json, os, shutil, signal, sys
    from pathlib import Path
    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.project.settings import load_project
    from optimus_ops.secrets import commands, key_commands, provision, set_command
    from optimus_ops.secrets.backup import commands as backup_commands
    from optimus_ops.secrets.paths import SecretsPaths

    what, when, root = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    before = root.with_name("before")
    real = os.replace
    os.fsync = lambda _descriptor: None

    def files():
        own = {path.name: path.read_text() for path in root.glob(".env.secrets*")}
        folder = root / ".optimus" / "secrets"
        return own | {str(path.relative_to(folder)): path.read_text() for path in folder.glob("*/*")}

    def run(at):
        # In a child of its own, killed before or after it puts its `at`th file in place.
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        calls = 0

        def replace(*args, **named):
            nonlocal calls
            calls += 1
            if (calls, when) == (at, "before"):
                os.kill(os.getpid(), signal.SIGKILL)
            real(*args, **named)
            if (calls, when) == (at, "after"):
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace
        code = 1
        try:
            sys.stdin = io.TextIOWrapper(io.BytesIO(sys.argv[4].encode()))
            sys.stdout = io.StringIO()
            if what == "set":
                set_command.change_value("REDIS_PASSWORD", ChangeOptions(), root=root)
            elif what == "restore":
                backup_commands.restore(backup_commands.RestoreRequest("@1", yes=True), ChangeOptions(), root)
            elif what == "backup":
                request = backup_commands.BackupRequest(recipients=(sys.argv[4],), keep=1)
                backup_commands.back_up(request, ChangeOptions(), root)
            else:
                commands.init(ChangeOptions(), root)
            code = 0
        finally:
            os._exit(code)

    if what != "init":
        provision.ensure(SecretsPaths.of(load_project(root)))
    if what == "restore":
        what = "set"
        run(0)
        what = "restore"
    shutil.copytree(root, before)
    runs = []
    for at in range(1, 40):
        shutil.rmtree(root)
        shutil.copytree(before, root)
        code = run(at)
        backups = os.listdir(root / ".optimus" / "secret-backups") if what == "backup" else []
        runs.append({"code": code, "backups": backups, "killed": files(), "next": run(0), "completed": files()})
        runs[-1]["in the end"] = os.listdir(root / ".optimus" / "secret-backups") if what == "backup" else []
        if code == 0:
            break
    print(json.dumps(runs))
"""


def killed_runs(folder: Path, what: str, when: str, word: str = CANARY) -> list[dict[str, Any]]:
    """Kill a run at each file that it puts in place, and let another one complete it; the last one was not killed."""
    made = Checkout.make(folder / "checkout")
    argv = [sys.executable, "-c", textwrap.dedent(RUNNER), what, when, str(made.root), word]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    runs: list[dict[str, Any]] = json.loads(done.stdout)
    return runs


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_value_is_set_in_the_end_wherever_its_run_was_killed(tmp_path: Path, when: str) -> None:
    *killed, whole = killed_runs(tmp_path, "set", when)

    # The version before, the file, five files of three services, and the ages.
    assert len(killed) == 8
    assert {run["code"] for run in killed} == {-signal.SIGKILL}
    assert (whole["code"], whole["killed"]["ai-engine/REDIS_PASSWORD"]) == (0, CANARY)
    for run in killed:
        assert (run["next"], run["completed"]) == (0, whole["completed"])
        text = run["killed"][".env.secrets"]
        assert f"REDIS_PASSWORD={CANARY}\n" in text or CANARY not in text


@pytest.mark.parametrize("when", ["before", "after"])
def test_secrets_are_complete_in_the_end_wherever_their_first_run_was_killed(tmp_path: Path, when: str) -> None:
    *killed, whole = killed_runs(tmp_path, "init", when)

    assert {run["code"] for run in killed} == {-signal.SIGKILL}
    for run in killed:
        assert run["next"] == 0
        # Nothing half written stays, which would hold secrets.
        assert run["completed"].keys() == whole["completed"].keys()
        known = [line for line in run["killed"].get(".env.secrets", "").splitlines() if line.startswith("POSTGRES")]
        # A value that was made durable once is never made anew.
        assert set(known) <= set(run["completed"][".env.secrets"].splitlines())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_version_is_restored_in_the_end_wherever_its_run_was_killed(tmp_path: Path, when: str) -> None:
    *killed, whole = killed_runs(tmp_path, "restore", when)

    # The version before, the file, five files of three services, and the ages.
    assert len(killed) == 8
    assert {run["code"] for run in killed} == {-signal.SIGKILL}
    assert (whole["code"], CANARY in whole["killed"][".env.secrets"]) == (0, False)
    for run in killed:
        assert (run["next"], run["completed"]) == (0, whole["completed"])
        assert run["killed"][".env.secrets"].count("REDIS_PASSWORD=") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_backup_is_there_or_not_wherever_its_run_was_killed(tmp_path: Path, when: str) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    *killed, whole = killed_runs(tmp_path, "backup", when, recipient)

    assert [run["code"] for run in killed] == [-signal.SIGKILL]
    assert whole["code"] == 0
    for run in (*killed, whole):
        assert run["next"] == 0
        # What a killed run left is gone, and one is kept.
        assert [name.endswith(".secrets.age") for name in run["in the end"]] == [True]
    assert [name.endswith(".tmp") for name in killed[0]["backups"]] == [when == "before"]
