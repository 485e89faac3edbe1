"""What `invoke doctor` judges."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests.unit.stacks import migrated, replica, stack, state

from optimus_ops.change.lock import stack_lock
from optimus_ops.checks.model import Check
from optimus_ops.doctor import host_checks, host_facts, stack_checks
from optimus_ops.doctor.execute import check_json, raise_failed, report
from optimus_ops.doctor.model import EngineFacts
from optimus_ops.doctor.packages import Packages, check_packages, compare_packages
from optimus_ops.errors import OpsError
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import PublishedPort
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import store
from optimus_ops.secrets.value import Secret

GIB = 1024**3
ENGINE = EngineFacts("26.1", "/var/lib/docker", 2, 4 * GIB, 0.0)
PORT = PublishedPort("127.0.0.1", 8010, 8010)


def verdict(check: Check) -> tuple[str, bool]:
    return check.verdict, check.prerequisite


def test_a_missing_engine_is_something_that_the_machine_lacks() -> None:
    assert verdict(host_checks.check_engine(None)) == ("failed", True)
    assert verdict(host_checks.check_engine(ENGINE)) == ("ok", False)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.26.1-4", ("ok", False)),
        ("v2.20.0", ("ok", False)),
        ("2.19.9", ("failed", True)),
        ("1.29.2", ("failed", True)),
        (None, ("failed", True)),
    ],
)
def test_a_plugin_must_be_there_and_new_enough(version: str | None, expected: tuple[str, bool]) -> None:
    assert verdict(host_checks.check_plugin("compose", version, host_checks.OLDEST_COMPOSE)) == expected


def test_a_plugin_of_any_version_will_do_where_none_is_named() -> None:
    assert verdict(host_checks.check_plugin("buildx", "0.11")) == ("ok", False)


@pytest.mark.parametrize(
    ("text", "version"), [("v2.26.1-4", (2, 26, 1)), ("2.20", (2, 20)), ("0.13.1+ds1", (0, 13, 1)), ("x", ())]
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert host_checks.version_of(text) == version


@pytest.mark.parametrize(
    ("free", "expected"),
    [(1 * GIB, ("failed", True)), (5 * GIB, ("warning", False)), (50 * GIB, ("ok", False)), (None, ("warning", False))],
)
def test_disk_space(free: int | None, expected: tuple[str, bool]) -> None:
    assert verdict(host_checks.check_disk("/var/lib/docker", free)) == expected


def test_limits_above_the_host_s_memory_are_a_warning() -> None:
    assert host_checks.check_memory(stack(), 4 * GIB, None).verdict == "ok"
    assert host_checks.check_memory(stack(), 128 * 1024**2, 0).verdict == "warning"


def test_a_core_limit_above_the_host_s_cores_fails_because_the_engine_would_refuse_it() -> None:
    big = stack(ai={"image": "shop/ai", "deploy": {"resources": {"limits": {"cpus": 4}}}})

    check = host_checks.check_cores(big, 2)

    assert verdict(check) == ("failed", True)
    assert "ai (4)" in check.found
    assert host_checks.check_cores(big, 4).verdict == "ok"


def test_ports_that_something_else_holds_fail_by_name() -> None:
    check = stack_checks.check_ports({"nginx-lb": [PORT]}, [PORT])

    assert verdict(check) == ("failed", False)
    assert "127.0.0.1:8010 (for nginx-lb)" in check.found
    assert stack_checks.check_ports({}, [PORT]).verdict == "ok"


def test_packages_are_compared_with_the_lock() -> None:
    lock = (
        "# a comment\n"
        "redis[hiredis]==8.0.1 \\\n    --hash=sha256:00\n"
        "types_PyYAML==6.0 \\\n"
        "rich==15.0\n"
        "colorama==0.4 ; sys_platform == 'win32' \\\n"
    )
    found = compare_packages(lock, {"redis": "8.0.1", "types-pyyaml": "5.9"})

    assert found == Packages(4, {"types_PyYAML": "5.9 (locked 6.0)", "rich": "missing (locked 15.0)"})
    assert check_packages(found).verdict == "warning"
    assert check_packages(Packages(4)).verdict == "ok"


def test_stopped_containers_are_leftovers_but_a_job_that_ended_well_is_not() -> None:
    assert stack_checks.check_leftovers(state(migrated(), replica("ai")), stack(), []).verdict == "ok"
    check = stack_checks.check_leftovers(state(replica("ai", status="exited", exit_code=1)), stack(), [])
    assert (check.verdict, "shop-ai-1" in check.found) == ("warning", True)
    assert stack_checks.check_leftovers(state(), stack(), ["shop.lock"]).verdict == "warning"


def test_what_no_file_wants_is_a_leftover_with_the_command_that_removes_it() -> None:
    old = replica("old")
    left = Leftovers(orphans=(old,), images=("sha256:0123456789abcdef",))
    check = stack_checks.check_leftovers(state(old), stack(), [], left)
    assert check.verdict == "warning"
    assert "no longer in the Compose files: old (shop-old-1 runs)" in check.found
    assert "images whose name a newer build has: 0123456789ab" in check.found
    assert "invoke up --remove-orphans" in check.hint


def test_a_lock_whose_owner_was_killed_is_found_and_one_that_is_held_is_not(tmp_path: Path) -> None:
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})
    with stack_lock(project.state / "locks", "shop", "a test"):
        assert host_facts.abandoned_files(project) == ()
    assert host_facts.abandoned_files(project) == ()
    (project.state / "locks" / "shop.lock").write_text('{"user": "gone"}', "utf-8")
    assert host_facts.abandoned_files(project) == ("shop.lock",)


def test_secrets_that_a_killed_run_left_half_written_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", Mock(side_effect=OSError))
    monkeypatch.setattr(os, "unlink", Mock())
    with pytest.raises(OpsError):
        store.write(tmp_path / ".env.secrets", Secret("KEY=value"))
    [name] = host_facts.abandoned_files(load_project(tmp_path, {}))
    assert (tmp_path / name).read_text("utf-8") == "KEY=value"


def test_a_clock_that_is_wrong_is_told() -> None:
    assert host_checks.check_clock(ENGINE, -60.0).verdict == "ok"
    assert host_checks.check_clock(ENGINE, 3600.0).verdict == "failed"
    ahead = EngineFacts("26.1", "/", 2, GIB, 90.0)
    assert host_checks.check_clock(ahead, 0.0).verdict == "warning"


def test_a_state_folder_that_can_t_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert host_facts.writable(tmp_path / "to" / "come")
    assert not host_facts.writable(tmp_path / "file" / "to" / "come")
    assert stack_checks.check_state(tmp_path, writable=False).verdict == "failed"
    assert "OPTIMUS_STATE_DIR" in stack_checks.check_state(tmp_path, writable=False).hint


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ([Check("", "a", "failed", "")], 1),
        ([Check("", "a", "failed", ""), Check("", "b", "failed", "", prerequisite=True)], 3),
    ],
)
def test_a_failed_check_is_an_error_with_its_exit_code(made: list[Check], code: int) -> None:
    with pytest.raises(OpsError, match="doctor: a") as raised:
        raise_failed(made)
    assert raised.value.exit_code == code


def test_warnings_are_no_error() -> None:
    raise_failed([Check("", "a", "ok", ""), Check("", "b", "warning", "")])


def test_the_report_has_a_line_for_each_check_and_one_for_what_to_do() -> None:
    made = [Check("", "disk", "ok", "71G free"), Check("", "compose", "failed", "too old", "install it")]

    assert report(made, colour=False, columns=100).splitlines() == [
        "✓ disk     71G free",
        "✗ compose  too old",
        "           → install it",
        "2 checks: 1 ok, 0 to look at, 1 failed",
    ]
    narrow = report([Check("", "a", "warning", "many words " * 20)], colour=False, columns=60)
    assert max(map(len, narrow.splitlines())) <= 60


def test_the_document_has_words_of_its_own_for_verdicts() -> None:
    assert check_json(Check("host", "disk", "failed", "1G free", "prune", prerequisite=True)) == {
        "name": "disk",
        "verdict": "fail",
        "found": "1G free",
        "hint": "prune",
        "lacks": True,
    }
    assert [check_json(Check("", "a", verdict, ""))["verdict"] for verdict in ("ok", "warning")] == ["ok", "warn"]


def test_a_lock_that_can_t_be_opened_is_not_called_abandoned(tmp_path: Path) -> None:
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"})
    (project.state / "locks").mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("x")
    (project.state / "locks" / "shop.lock").symlink_to(tmp_path / "elsewhere")
    assert host_facts.abandoned_files(project) == ()
