"""`invoke doctor` on the engine in memory: what is missing is told, and the rest checked all the same."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from invoke.context import Context
from invoke.exceptions import Exit
from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine
from tests.fakes.shop import MODEL, Shop

from optimus_ops.doctor import host_facts, stack_checks, tasks
from optimus_ops.doctor.host_facts import available_memory, free_space, read_engine
from optimus_ops.doctor.packages import Packages, check_packages, read_packages
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.model.subnets import Network, SubnetProblem, parse_subnets

Found = Mapping[str, Mapping[str, Any]]
pytestmark = pytest.mark.usefixtures("shop")
DOCKER = "#!/bin/sh\necho v2.30.0\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop that tasks find, on a host whose `docker` has its plug-ins."""
    made = Shop.open(tmp_path)
    made.open_to_tasks(monkeypatch)
    made.engine.root = str(tmp_path)
    (tmp_path / "bin").mkdir()
    with_docker(tmp_path, DOCKER)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    # What is free and taken on the machine of the tests is no matter of theirs.
    monkeypatch.setattr(host_facts, "free_space", lambda _folder: 1 << 40)
    monkeypatch.setattr(host_facts, "available_memory", lambda: 1 << 40)
    monkeypatch.setattr(host_facts, "read_engine", lambda engine: replace(read_engine(engine), clock=0.0))
    return made


def with_docker(root: Path, program: str) -> None:
    (root / "bin" / "docker").write_text(program, "utf-8")
    (root / "bin" / "docker").chmod(0o755)


def raises(error: OpsError) -> Callable[..., NoReturn]:
    """Return a function that can do nothing else."""

    def fail(*_words: Any, **_options: Any) -> NoReturn:
        raise error

    return fail


@pytest.fixture
def found(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[Found, int]]:
    """Return what gives the checks of `invoke doctor --json` by their names, and its exit code."""

    def examine() -> tuple[Found, int]:
        code = 0
        try:
            tasks.doctor(Context(), json=True)
        except Exit as ended:
            code = ended.code
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] is (code == 0)
        return {check["name"]: check for check in document["checks"]}, code

    return examine


Examine = Callable[[], tuple[Found, int]]


def test_a_host_that_has_everything_passes(found: Examine) -> None:
    checks, code = found()
    assert code == 0
    assert {name for name, check in checks.items() if check["verdict"] != "ok"} == {"python"}
    assert checks["engine"]["found"] == "Docker 28: 64 cores, 64G memory"
    assert checks["files"]["found"] == "docker-compose.yml: 6 services"


def test_the_report_for_people_ends_with_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    tasks.doctor(Context())
    assert capsys.readouterr().out.splitlines()[-1].endswith("1 to look at, 0 failed")


def test_without_an_engine_what_can_be_checked_without_one_still_is(
    found: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DockerEngine, "connect", raises(MissingPrerequisite("no permission to use it")))
    checks, code = found()
    assert code == 3
    assert (checks["engine"]["found"], checks["engine"]["lacks"]) == ("no permission to use it", True)
    assert checks["files"]["verdict"] == "ok"
    assert not {"disk", "memory", "networks", "images"} & set(checks)


def test_without_compose_its_files_are_not_called_wrong(shop: Shop, found: Examine) -> None:
    with_docker(shop.project.root, "#!/bin/sh\nexit 1\n")
    checks, code = found()
    assert code == 3
    assert (checks["compose"]["verdict"], checks["buildx"]["verdict"]) == ("fail", "fail")
    assert "files" not in checks
    assert checks["state"]["verdict"] == "ok"


def test_a_checkout_without_compose_files_is_told_where_they_are_looked_for(shop: Shop, found: Examine) -> None:
    (shop.project.root / "docker-compose.yml").unlink()
    checks, code = found()
    assert code == 0
    assert checks["files"]["verdict"] == "warn"
    assert "[tool.optimus-ops]" in checks["files"]["hint"]


def test_files_that_do_not_parse_fail_with_what_is_wrong_in_them(
    found: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCompose, "document", raises(Refused("services.web: bad")))
    checks, code = found()
    assert code == 1
    assert (checks["files"]["found"], checks["files"]["hint"]) == (
        "services.web: bad",
        "mend them, then: docker compose config",
    )
    assert "ports" not in checks


def test_a_port_that_another_program_holds_is_named_and_one_s_own_is_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        ports = [{"target": 80, "published": str(number), "host_ip": "127.0.0.1"}]
        model = {**MODEL, "services": {**MODEL["services"], "nginx-lb": {"image": "nginx:1", "ports": ports}}}
        busy = Shop.open(tmp_path, model)
        stack = busy.compose.stack()
        assert list(host_facts.taken_ports(stack, busy.state())) == ["nginx-lb"]
        busy.engine.create("shop", "nginx-lb", 1, "nginx:1").start(0.0)
        assert host_facts.taken_ports(stack, busy.state()) == {}


def test_a_stack_that_publishes_nothing_says_so() -> None:
    assert stack_checks.check_ports({}, []).found == "none is published"


def test_networks_that_overlap_fail_now_and_warn_where_a_flag_would_add_them() -> None:
    problem = SubnetProblem("10.0.0.0/24 is taken by other_default", "remove it")
    now = stack_checks.check_subnets([problem, problem], [])
    assert (now.verdict, now.hint) == ("failed", "remove it")
    later = stack_checks.check_subnets([], [problem])
    assert later.verdict == "warning"
    assert later.found.startswith("with optional overlays: 10.0.0.0/24")
    assert stack_checks.check_subnets([], []).verdict == "ok"


class TakenNetwork(FakeEngine):
    """An engine on which another project has the addresses."""

    def all_networks(self) -> tuple[Network, ...]:
        return (Network("other_default", "other", parse_subnets([{"Subnet": "10.9.0.0/24"}])),)


def test_addresses_that_only_an_overlay_wants_are_a_warning_and_unreadable_overlays_no_matter(
    tmp_path: Path, shop: Shop, found: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker-compose.fixed.yml").write_text("services: {}\n", "utf-8")
    networks = {"default": {"name": "shop_default", "ipam": {"config": [{"subnet": "10.9.0.0/25"}]}}}
    web = {**MODEL["services"]["web"], "networks": {"default": None}}
    fixed = {**MODEL, "networks": networks, "services": {**MODEL["services"], "web": web}}
    engine = TakenNetwork(**{name: getattr(shop.engine, name) for name in ("behaviours", "known_images", "root")})
    monkeypatch.setattr(DockerEngine, "connect", lambda **_options: engine)
    plain = FakeCompose.document

    def document(compose: FakeCompose) -> Mapping[str, Any]:
        return fixed if any("fixed" in path.name for path in compose.files) else plain(compose)

    monkeypatch.setattr(FakeCompose, "document", document)
    checks, code = found()
    assert (checks["networks"]["verdict"], code) == ("warn", 0)
    assert "with optional overlays" in checks["networks"]["found"]

    def unreadable(compose: FakeCompose) -> Mapping[str, Any]:
        if any("fixed" in path.name for path in compose.files):
            raise Refused("SUBNET is not set")
        return plain(compose)

    monkeypatch.setattr(FakeCompose, "document", unreadable)
    checks, code = found()
    assert (checks["networks"]["verdict"], code) == ("ok", 0)


def test_a_subsystem_s_check_that_fails_by_itself_is_a_failed_check(
    shop: Shop, found: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shop.project.root
    (root / "pyproject.toml").write_text('[tool.optimus-ops]\nsubsystems = ["acme_doctor"]\n', "utf-8")
    (root / "acme_doctor").mkdir()
    (root / "acme_doctor" / "__init__.py").touch()
    (root / "acme_doctor" / "doctor_checks.py").write_text(
        "from optimus_ops.errors import OpsError\n\n"
        "def doctor_checks(context):\n    raise OpsError('no answer', 'ask again')\n    yield\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(root)
    try:
        checks, code = found()
    finally:
        for name in [name for name in sys.modules if name.startswith("acme_doctor")]:
            del sys.modules[name]
    assert code == 1
    assert checks["acme_doctor"]["hint"] == "ask again"
    assert checks["state"]["verdict"] == "ok"


def test_what_ended_and_what_no_file_wants_is_left_over(shop: Shop, found: Examine) -> None:
    shop.engine.create("shop", "old", 1, "web:1").start(0.0)
    checks, code = found()
    assert (checks["leftovers"]["verdict"], code) == ("warn", 0)
    assert "shop-old-1" in checks["leftovers"]["found"]


def test_facts_of_a_host_that_tells_none_are_unknown(tmp_path: Path) -> None:
    assert free_space(str(tmp_path / "nowhere")) is None
    assert available_memory(tmp_path / "nowhere") is None
    (tmp_path / "meminfo").write_text("MemFree: 7 kB\n", "utf-8")
    assert available_memory(tmp_path / "meminfo") is None
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   7 kB\n", "utf-8")
    assert available_memory(tmp_path / "meminfo") == 7 * 1024


def test_an_engine_that_tells_no_time_is_not_called_wrong() -> None:
    engine = FakeEngine()
    assert read_engine(engine).clock < 0
    engine.now = lambda: None  # type: ignore[method-assign]
    assert read_engine(engine).clock == 0.0


def test_an_environment_is_compared_with_the_lock_of_the_checkout(tmp_path: Path) -> None:
    lock = tmp_path / "dev.txt"
    assert check_packages(read_packages(lock)).found == "there is no lock to compare with (requirements/dev.txt)"
    lock.write_text("pytest==0.0.1\n", "utf-8")
    read = read_packages(lock)
    assert read.different["pytest"].endswith("(locked 0.0.1)")
    many = Packages(9, {f"package-{number}": "1 (locked 2)" for number in range(7)})
    assert check_packages(many).found.endswith("package-4 1 (locked 2) and 2 more")
