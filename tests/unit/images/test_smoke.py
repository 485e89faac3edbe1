"""Services of images by themselves: what is started, what is judged, and that nothing of it is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.compose import FakeCompose
from tests.fakes.containers import Behaviour
from tests.fakes.engine import FakeEngine
from tests.fakes.host import Call

from optimus_ops.checks.model import Check
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.values import Image
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.images.built_images import BuiltImage
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.settings import ImageSettings
from optimus_ops.images.smoke_checks import image_checks, service_checks
from optimus_ops.images.smoke_report import SmokeResult, document, show, smoke_report
from optimus_ops.images.smoke_run import START_SECONDS, Observed, SmokeRun
from optimus_ops.images.smoke_stack import Wanted, smoke_model
from optimus_ops.project.settings import load_project
from optimus_ops.system.process import Completed, DeadlinePassed

STATUS = "Name:\tinit\nUid:\t1001\t1001\nGid:\t1001\t1001\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"
MOUNTS = "overlay / overlay ro,relatime 0 0\ntmpfs /tmp tmpfs rw 0 0\n"
ALIVE = ("healthcheck", "--alive")
WANTED = Wanted("1001:1001", read_only=True, no_capabilities=True, no_new_privileges=True, stop_seconds=20)
SEEN = Observed("web", 0.9, status=STATUS, mounts=MOUNTS, stop_seconds=1.5, in_time=True)


def failed(checks: Sequence[Check]) -> dict[str, str]:
    return {check.name: check.found for check in checks if check.verdict == "failed"}


# ---- the model


def test_a_service_by_itself_keeps_what_it_is_and_loses_what_it_depends_on(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    service: dict[str, Any] = {
        "image": "shop/web:local",
        "build": {"context": "."},
        "user": "1001:1001",
        "read_only": True,
        "cap_drop": ["ALL"],
        "environment": {"PORT": "8000"},
        "networks": {"front": None},
        "ports": [{"target": 8000}],
        "depends_on": {"redis": {"condition": "service_healthy"}},
        "restart": "unless-stopped",
        "deploy": {"replicas": 3, "resources": {"limits": {"memory": "1"}}},
        "volumes": [
            {"type": "bind", "source": str(secrets / "web"), "target": "/run/secrets", "read_only": True},
            {"type": "bind", "source": "/etc/shop", "target": "/etc/shop"},
            {"type": "volume", "source": "data", "target": "/data"},
        ],
    }
    model = smoke_model({"services": {"web": service, "redis": {}}}, ["web"], "shop-smoke", secrets, tmp_path / "none")
    assert model == {
        "name": "shop-smoke",
        "services": {
            "web": {
                "image": "shop/web:local",
                "user": "1001:1001",
                "read_only": True,
                "cap_drop": ["ALL"],
                "environment": {"PORT": "8000"},
                "deploy": {"resources": {"limits": {"memory": "1"}}},
                "volumes": [
                    {"type": "bind", "source": str(tmp_path / "none"), "target": "/run/secrets", "read_only": True},
                    {"type": "bind", "source": "/etc/shop", "target": "/etc/shop"},
                    {"type": "tmpfs", "target": "/data"},
                ],
                "network_mode": "none",
                "restart": "no",
            }
        },
    }


def test_what_a_definition_promises_is_read_from_it() -> None:
    promised = Wanted.of(
        {"user": "1", "security_opt": ["no-new-privileges=true"], "cap_drop": ["ALL"], "stop_grace_period": "1m20s"}
    )
    assert promised == Wanted("1", read_only=False, no_capabilities=True, no_new_privileges=True, stop_seconds=80)
    assert Wanted.of({}) == Wanted("", read_only=False, no_capabilities=False, no_new_privileges=False, stop_seconds=10)


# ---- the run


class Stack:
    """A smoke model with one service on the engine in memory."""

    def __init__(self, folder: Path, behaviour: Behaviour, alive: int | None = 0) -> None:
        self.engine = FakeEngine(behaviours={"web": behaviour})
        self.engine.clock.least = 0.5
        self.engine.add_image("shop/web:local")
        self.alive = alive
        self.engine.on_exec = self.answer
        project = replace(load_project(folder, {"COMPOSE_PROJECT_NAME": "shop-smoke"}), state=folder)
        model = {"name": "shop-smoke", "services": {"web": {"image": "shop/web:local"}}}
        self.compose = FakeCompose(project, (), Pins(), engine=self.engine, model=model)

    def answer(self, _container: str, command: Sequence[str]) -> Completed:
        files = {"/proc/1/status": STATUS, "/proc/1/mounts": MOUNTS}
        if tuple(command) == ALIVE:
            return Completed(tuple(command), self.alive or 0, "", "")
        return Completed(tuple(command), 0, files[command[1]], "")

    def run(self) -> SmokeRun:
        alive = {} if self.alive is None else {"web": ALIVE}
        return SmokeRun(self.engine, self.compose, alive, {"web": 20.0}, clock=self.engine.clock)


def test_a_service_that_answers_and_stops_passes_all_checks(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour(drains=1.5))
    (seen,) = stack.run().observe()
    checks = list(service_checks(seen, WANTED, asked=True))
    assert [(check.name, check.verdict) for check in checks] == [
        ("starts", "ok"),
        ("runs as", "ok"),
        ("privileges", "ok"),
        ("root file system", "ok"),
        ("stops", "ok"),
    ]
    assert seen.stop_seconds == 1.5
    assert stack.engine.containers == {}


def test_a_service_without_a_question_has_to_stay_up(tmp_path: Path) -> None:
    (seen,) = Stack(tmp_path, Behaviour(), alive=None).run().observe()
    assert seen.up_seconds is not None
    (start, *_) = service_checks(seen, WANTED, asked=False)
    assert start.found.startswith("stays up without its dependencies for 5")


def test_a_service_that_ends_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour(exits_after=0.2, exit_code=3, output=("no module named web",)), alive=1)
    (seen,) = stack.run().observe()
    checks = list(service_checks(seen, WANTED, asked=True))
    assert failed(checks) == {"starts": "ended with 3; it wrote: no module named web"}
    assert len(checks) == 1
    assert stack.engine.containers == {}


def test_a_service_that_never_answers_fails_and_is_stopped(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour(), alive=1)
    (seen,) = stack.run().observe()
    assert failed(list(service_checks(seen, WANTED, asked=True))) == {
        "starts": f"no answer within {START_SECONDS:.0f} s"
    }


def test_a_service_that_ignores_its_stop_signal_fails(tmp_path: Path) -> None:
    (seen,) = Stack(tmp_path, Behaviour(drains=None)).run().observe()
    assert failed(list(service_checks(seen, WANTED, asked=True))) == {
        "stops": "killed after 20 s: it does not end on its stop signal"
    }


def test_a_command_that_hangs_is_no_answer(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour())

    def hang(_container: str, command: Sequence[str]) -> Completed:
        raise DeadlinePassed(f"{command} did not end")

    stack.engine.on_exec = hang
    (seen,) = stack.run().observe()
    assert list(failed(list(service_checks(seen, WANTED, asked=True)))) == [
        *("starts", "runs as", "privileges", "root file system")
    ]


def test_a_container_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour())

    def remove(call: Call) -> None:
        if (call.name, call.phase) == ("exec", "after"):
            stack.engine.containers.clear()

    stack.engine.hook = remove
    (seen,) = stack.run().observe()
    assert failed(list(service_checks(seen, WANTED, asked=True))) == {"starts": "its container is gone"}


def test_nothing_is_left_of_an_interrupted_run_or_of_one_that_was_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Behaviour())
    left = stack.engine.create("shop-smoke", "web", 1, "shop/web:local")
    left.start(stack.engine.clock.now)

    def interrupt(call: Call) -> None:
        if (call.name, call.phase) == ("exec", "before"):
            assert left.id not in stack.engine.containers
            raise Interrupted(2)

    stack.engine.hook = interrupt
    with pytest.raises(Interrupted):
        stack.run().observe()
    assert stack.engine.containers == {}


# ---- the checks


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (replace(SEEN, status=STATUS.replace("1001", "0")), {"runs as": "root"}),
        (replace(SEEN, status=STATUS.replace("1001", "1002")), {"runs as": "user 1002:1002 in place of 1001:1001"}),
        (replace(SEEN, status=STATUS.replace("Privs:\t1", "Privs:\t0")), {"privileges": "new privileges are possible"}),
        (
            replace(SEEN, status=STATUS.replace("0000000000000000", "00000000a80425fb")),
            {"privileges": "capabilities 00000000a80425fb"},
        ),
        (replace(SEEN, mounts=MOUNTS.replace("ro,", "rw,")), {"root file system": "can be written to"}),
        (replace(SEEN, exit_code=1), {"stops": "after 1.5 s of at most 20 s, exit code 1"}),
        (SEEN, {}),
    ],
)
def test_each_property_is_judged_by_itself(seen: Observed, found: Mapping[str, str]) -> None:
    assert failed(list(service_checks(seen, WANTED, asked=True))) == found


def test_what_can_not_be_read_in_a_container_fails() -> None:
    checks = list(service_checks(replace(SEEN, status="", mounts=""), WANTED, asked=True))
    assert list(failed(checks)) == ["runs as", "privileges", "root file system"]


def test_a_definition_that_does_not_ask_for_it_is_named_as_the_reason() -> None:
    wanted = Wanted.of({})
    seen = replace(
        SEEN,
        status=STATUS.replace("0000000000000000", "00ff").replace("Privs:\t1", "Privs:\t0"),
        mounts=MOUNTS.replace("ro,", "rw,"),
    )
    assert failed(list(service_checks(seen, wanted, asked=True))) == {
        "privileges": "capabilities 00ff: no `cap_drop: [ALL]`, "
        "new privileges are possible: no `no-new-privileges:true`",
        "root file system": "can be written to: no `read_only: true`",
    }


BUILT = BuiltImage(
    "web",
    ("web", "worker"),
    "shop/web:local",
    Image("sha256:1", labels={LABEL: "abc", "shop.contract": "/c"}, size=50_000_000, user="1001"),
    "abc",
)
SETTINGS = ImageSettings(labels=("shop.contract",), largest={"web": 60_000_000})


def test_the_metadata_of_an_image_is_judged() -> None:
    checks = list(image_checks(BUILT, SETTINGS, {"offers.json": b"{}"}))
    assert [(check.name, check.verdict) for check in checks] == [
        ("sources", "ok"),
        ("user", "ok"),
        ("labels", "ok"),
        ("contract", "ok"),
        ("size", "ok"),
    ]
    bad = replace(BUILT, source="other", image=Image("sha256:1", size=61_000_000))
    assert failed(list(image_checks(bad, SETTINGS, {"offers.json": b"{"}))) == {
        "sources": "not made of the sources as they are now",
        "user": "it runs as root where nothing else is said",
        "labels": "without shop.contract",
        "contract": "is no JSON",
        "size": "61 MB of at most 60 MB",
    }


def test_a_size_without_a_bound_is_a_warning() -> None:
    (*_, size) = image_checks(BUILT, ImageSettings(), {})
    assert (size.verdict, size.found) == ("warning", "50 MB, without a bound")


# ---- what is shown


def test_the_result_is_shown_and_a_failed_check_ends_with_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = Check("web", "starts", "ok", "answers"), Check("web", "stops", "failed", "killed", "end by itself")
    show(SmokeResult((BUILT,), (good,), ("migrations",)), None, json=False)
    assert "not started: migrations" in capsys.readouterr().out
    with pytest.raises(OpsError, match="1 of 2 checks failed: web stops"):
        show(SmokeResult((BUILT,), (good, bad)), tmp_path / "reports", json=True)
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "images-smoke.html",
        "images-smoke.json",
        "images-smoke.md",
    ]
    assert '"ok": false' in capsys.readouterr().out


def test_a_failed_check_is_a_finding_of_the_report() -> None:
    result = SmokeResult((BUILT,), (Check("web", "root file system", "failed", "can be written to", "mend it"),))
    assert [section.title for section in smoke_report(result).sections] == ["Failed", "web"]
    assert document(result)["images"][0]["services"] == ["web", "worker"]
