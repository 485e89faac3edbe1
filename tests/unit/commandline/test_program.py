"""The `invoke` command as a shell runs it: what is shown where, and the exit code.

In the lines, `$INVOKE` is the real program and `$I` one that is loaded already.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.support.invoke_server import INVOKE, shell_words

TASKS = "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a small project of its own."""
    root = tmp_path / "shop"
    (root / "compose").mkdir(parents=True)
    (root / "tasks.py").write_text(TASKS)
    services = "name: shop\nservices:\n  web:\n    image: web:1\n  worker:\n    image: web:1\n"
    (root / "compose" / "docker-compose.yml").write_text(services)
    return root


def shell(line: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    programs = {"I": shell_words(), "INVOKE": INVOKE, "DOCKER_HOST": "unix:///nonexistent.sock"}
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder,
        env={**clean, **programs, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$I history", 0),
        ("$I --list", 0),
        ("$INVOKE nope", 2),
        ("$I --help nope", 2),
        ("$I --list nope", 2),
        ('$I scale --web ""', 2),
        ("$I scale --web=", 2),
        ("$I scale --build", 2),
        ('$I --search-root "" status', 2),
        ("$I --search-root /nonexistent status", 2),
        ("$I status --nope", 2),
        ("$I scale --nope 3", 2),
        ("$I history --last 3 --change 1", 2),
        ("$I deploy web --image UPPER:tag", 2),
        ("$I deploy web --image 'a b'", 2),
        ("$I deploy web --healthy-within 0", 2),
        ("$I deploy web --migrate-within 0", 2),
        ("$I logs --follow --no-follow", 2),
        ("OPTIMUS_PROGRESS_SECONDS=often $I history", 2),
        ("OPTIMUS_PROGRESS_SECONDS=0 $I history", 2),
        ("$INVOKE status", 3),
        ("DOCKER_HOST= DOCKER_CONTEXT=nope $I status", 2),
        ("$INVOKE history >&-", 2),
        ("$INVOKE history 2>&-", 0),
        ("$INVOKE history >/dev/full", 1),
        ("$INVOKE --list >/dev/full", 1),
        ("env -u PYTHONUNBUFFERED $INVOKE --list >/dev/full", 1),
        ("PYTHONUNBUFFERED=1 $INVOKE --list >/dev/full", 1),
        ("$I history --json >/dev/full", 1),
    ],
)
def test_exit_codes(line: str, code: int, shop: Path) -> None:
    done = shell(line, shop)
    assert done.returncode == code, done.stdout + done.stderr
    if code and "2>&-" not in line:
        assert done.stderr.strip()


def test_outside_of_a_project_the_message_names_the_folder(tmp_path: Path) -> None:
    done = shell("$I status", tmp_path)
    assert done.returncode == 2
    assert f"no tasks.py in {tmp_path} or above it" in done.stderr


def test_a_reader_that_leaves_is_no_failure(shop: Path) -> None:
    done = shell("$INVOKE --list | head -1; echo ${PIPESTATUS[0]}", shop)
    assert done.stdout.split() == ["Available", "tasks:", "0"]


def test_search_root_names_the_project_and_not_only_its_tasks(shop: Path, tmp_path: Path) -> None:
    done = shell(f"$I --search-root {shop} history --json", tmp_path)
    assert json.loads(done.stdout)["project"] == "shop"
    below = shell(f"$I -r {shop / 'compose'} history --json", tmp_path, OPTIMUS_ROOT=str(tmp_path))
    assert json.loads(below.stdout)["project"] == "shop"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_our_marks_gets_others(encoding: str, shop: Path) -> None:
    done = shell("$INVOKE status", shop, PYTHONIOENCODING=encoding)
    assert done.returncode == 3
    assert "x observing shop" in done.stderr


@pytest.mark.parametrize(
    ("line", "result", "code"),
    [
        ("$INVOKE status --json", "missing prerequisite", 3),
        ("$I scale --wbe 3 --json", "refused", 2),
        ("$I scale --web many --json", "refused", 2),
        ("$I history --json --change 7", "refused", 2),
        ("$I deploy --json --image 1.4", "refused", 2),
    ],
)
def test_json_is_one_document_where_a_task_is_refused_too(line: str, result: str, code: int, shop: Path) -> None:
    done = shell(line, shop)
    document = json.loads(done.stdout)
    assert document["result"] == result
    assert document["error"]["exit_code"] == done.returncode == code
    assert document["error"]["message"] in done.stderr


def test_settings_may_begin_with_a_byte_order_mark(shop: Path) -> None:
    (shop / "pyproject.toml").write_bytes(b'\xef\xbb\xbf[tool.optimus-ops]\nname = "corner"\n')
    assert json.loads(shell("$I history --json", shop).stdout)["project"] == "corner"


def test_a_shell_that_asks_for_completions_gets_words_and_nothing_runs(shop: Path) -> None:
    done = shell('$I --complete -- "invoke stat"', shop)
    assert (done.returncode, done.stderr) == (0, "")
    assert "status" in done.stdout.split()


def test_the_flag_of_a_service_in_files_that_do_not_parse_is_not_what_is_wrong(shop: Path) -> None:
    (shop / "compose" / "docker-compose.yml").write_text("services: [", "utf-8")
    done = shell("$I scale --web 3", shop)
    assert done.returncode == 2
    assert "has no flag" not in done.stderr
    assert "docker-compose.yml" in done.stderr
