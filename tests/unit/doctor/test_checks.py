"""What `invoke doctor` judges."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from tests.unit.stacks import migrated, replica, stack, state

from optimus_ops.change.lock import stack_lock
from optimus_ops.doctor import checks, host_facts
from optimus_ops.doctor.checks import Check, EngineFacts, Images, Packages, Tools
from optimus_ops.doctor.execute import report
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import PublishedPort
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import Finding
from optimus_ops.text.console import Console

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1024**3
ENGINE = EngineFacts("26.1", "/var/lib/docker", 2, 4 * GIB, 0.0)
PORT = PublishedPort("127.0.0.1", 8010, 8010)


def verdict(check: Check) -> tuple[str, bool]:
    return check.verdict, check.lacks


def test_a_missing_engine_is_something_that_the_machine_lacks() -> None:
    assert verdict(checks.check_engine(None)) == ("fail", True)
    assert verdict(checks.check_engine(ENGINE)) == ("ok", False)


@pytest.mark.parametrize(
    ("tools", "verdicts"),
    [
        (Tools("2.26.1-4", "0.13.1"), ["ok", "ok"]),
        (Tools("v2.20.0", "0.11"), ["ok", "ok"]),
        (Tools("2.19.9", None), ["fail", "fail"]),
        (Tools("1.29.2", "0.13"), ["fail", "ok"]),
        (Tools(None, "0.13"), ["fail", "ok"]),
    ],
)
def test_tools_must_be_there_and_new_enough(tools: Tools, verdicts: list[str]) -> None:
    assert [check.verdict for check in checks.check_tools(tools)] == verdicts


@pytest.mark.parametrize(
    ("text", "version"), [("v2.26.1-4", (2, 26, 1)), ("2.20", (2, 20)), ("0.13.1+ds1", (0, 13, 1)), ("x", ())]
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert checks.version_of(text) == version


@pytest.mark.parametrize(
    ("free", "expected"),
    [(1 * GIB, ("fail", True)), (5 * GIB, ("warn", False)), (50 * GIB, ("ok", False)), (None, ("warn", False))],
)
def test_disk_space(free: int | None, expected: tuple[str, bool]) -> None:
    assert verdict(checks.check_disk("/var/lib/docker", free)) == expected


def test_limits_above_the_host_s_memory_are_a_warning() -> None:
    assert checks.check_memory(stack(), 4 * GIB, None).verdict == "ok"
    assert checks.check_memory(stack(), 128 * 1024**2, 0).verdict == "warn"


def test_a_core_limit_above_the_host_s_cores_fails_because_the_engine_would_refuse_it() -> None:
    big = stack(ai={"image": "shop/ai", "deploy": {"resources": {"limits": {"cpus": 4}}}})

    check = checks.check_cores(big, 2)

    assert verdict(check) == ("fail", True)
    assert "ai (4)" in check.found
    assert checks.check_cores(big, 4).verdict == "ok"


def test_ports_that_something_else_holds_fail_by_name() -> None:
    check = checks.check_ports({"nginx-lb": [PORT]}, [PORT])

    assert verdict(check) == ("fail", False)
    assert "127.0.0.1:8010 (for nginx-lb)" in check.found
    assert checks.check_ports({}, [PORT]).verdict == "ok"


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (Images(), "ok"),
        (Images(unbuilt=("shop/ai",)), "ok"),
        (Images(("redis:8",), (), True), "ok"),
        (Images(("redis:8",), (), False), "warn"),
    ],
)
def test_images_are_here_or_can_be_had(images: Images, expected: str) -> None:
    assert checks.check_images(images).verdict == expected


def test_secrets_are_judged_by_their_gravest_finding() -> None:
    error = Finding("KEY", "is missing", "set it")
    warning = Finding("ODD", "is unknown", "delete it", "warning")

    def judged(*findings: Finding, exists: bool = True) -> str:
        return checks.check_secrets(findings, exists=exists, name=".env.secrets").verdict

    assert judged() == "ok"
    assert judged(warning) == "warn"
    assert judged(warning, error) == "fail"
    assert judged(error, exists=False) == "ok"


def test_packages_are_compared_with_the_lock() -> None:
    lock = (
        "# a comment\n"
        "redis[hiredis]==8.0.1 \\\n    --hash=sha256:00\n"
        "types_PyYAML==6.0 \\\n"
        "rich==15.0\n"
        "colorama==0.4 ; sys_platform == 'win32' \\\n"
    )
    found = host_facts.compare_packages(lock, {"redis": "8.0.1", "types-pyyaml": "5.9"})

    assert found == Packages(4, {"types_PyYAML": "5.9 (locked 6.0)", "rich": "missing (locked 15.0)"})
    assert checks.check_packages(found).verdict == "warn"
    assert checks.check_packages(Packages(4)).verdict == "ok"


def test_stopped_containers_are_leftovers_but_a_job_that_ended_well_is_not() -> None:
    assert checks.check_leftovers(state(migrated(), replica("ai")), stack(), []).verdict == "ok"
    check = checks.check_leftovers(state(replica("ai", status="exited", exit_code=1)), stack(), [])
    assert (check.verdict, "shop-ai-1" in check.found) == ("warn", True)
    assert checks.check_leftovers(state(), stack(), ["shop.lock"]).verdict == "warn"


def test_what_no_file_wants_is_a_leftover_with_the_command_that_removes_it() -> None:
    old = replica("old")
    left = Leftovers(orphans=(old,), images=("sha256:0123456789abcdef",))
    check = checks.check_leftovers(state(old), stack(), [], left)
    assert check.verdict == "warn"
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


def test_a_clock_that_is_wrong_is_told() -> None:
    assert checks.check_clock(ENGINE, -60.0).verdict == "ok"
    assert checks.check_clock(ENGINE, 3600.0).verdict == "fail"
    ahead = EngineFacts("26.1", "/", 2, GIB, 90.0)
    assert checks.check_clock(ahead, 0.0).verdict == "warn"


def test_a_state_folder_that_can_t_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert host_facts.writable(tmp_path / "to" / "come")
    assert not host_facts.writable(tmp_path / "file" / "to" / "come")
    assert checks.check_state(tmp_path, writable=False).verdict == "fail"
    assert "OPTIMUS_STATE_DIR" in checks.check_state(tmp_path, writable=False).hint


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ([Check("a", "ok", ""), Check("b", "warn", "")], 0),
        ([Check("a", "fail", "")], 1),
        ([Check("a", "fail", ""), Check("b", "fail", "", lacks=True)], 3),
    ],
)
def test_exit_codes(made: list[Check], code: int) -> None:
    assert checks.exit_code(made) == code


def test_the_report_has_a_line_for_each_check_and_one_for_what_to_do() -> None:
    made = [Check("disk", "ok", "71G free"), Check("compose", "fail", "too old", "install it")]

    lines = list(report(made, Console(StringIO(), live=False, colour=False)))

    narrow = report([Check("a", "warn", "many words " * 20)], Console(StringIO(), live=False, colour=False), 60)
    assert max(map(len, narrow)) <= 60
    assert lines == [
        "✓ disk     71G free",
        "✗ compose  too old",
        "           → install it",
        "2 checks: 1 ok, 0 to look at, 1 failed",
    ]
