"""Steps that go wrong or are not required, and those that the kill matrix has no use for."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.containers import Behaviour
from tests.fakes.shop import JOB, MODEL, Shop

from optimus_ops.change.options import Deadlines
from optimus_ops.engine.errors import EngineGone
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.step import ContainerRef, Step
from optimus_ops.plan.steps import (
    CheckBudgets,
    CheckConfig,
    Migrate,
    Pull,
    Reload,
    Remove,
    RemoveImages,
    RemoveNetwork,
    Restart,
    RunJob,
    Start,
    VerifyRouting,
    WaitDependency,
    WaitHealthy,
)
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.requests import DeployRequest, RollbackRequest, asking_of
from optimus_ops.rollout.scale import migrate, scale
from optimus_ops.system.process import CommandFailed, Completed
from optimus_ops.text.console import Progress

WHY = Cause("because")
FAILS = Behaviour(healthy_after=None, exits_after=1.0, exit_code=7, output=("no such table",))


def shop_of(folder: Path, changes: Mapping[str, Mapping[str, Any]] | None = None, *, up: bool = True) -> Shop:
    """Return a shop, running or not, with facts of services changed."""
    model = deepcopy(MODEL)
    for name, facts in (changes or {}).items():
        model["services"][name].update(facts)
    shop = Shop.open(folder, model)
    if up:
        scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)
        shop.process_ends()
    return shop


def executor(shop: Shop, **deadlines: float) -> StackExecutor:
    """Return an executor that has begun."""
    stack = shop.compose.stack()
    made = StackExecutor(shop.compose, shop.engine, stack, Deadlines(**deadlines), shop.prober)
    made.begin()
    return made


def done(shop: Shop, step: Step, **deadlines: float) -> str:
    """Carry a step out; return its note."""
    progress = Progress(step.text)
    executor(shop, **deadlines).carry_out(step, progress)
    return progress.note


def test_a_job_that_fails_says_why_and_stops_the_change(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, up=False)
    shop.engine.behaviours["seed"] = FAILS
    with pytest.raises(OpsError, match=r"seed ended with 7; nothing that waits for it was started.*\n +no such"):
        done(shop, RunJob(service="seed", cause=WHY))


def test_a_job_that_is_not_required_may_fail_or_hang(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, up=False)
    shop.engine.behaviours["seed"] = FAILS
    optional = RunJob(service="seed", required=False, cause=WHY)
    assert done(shop, optional) == "ended with 7: no such table; what waits for it starts without (required: false)"
    shop.engine.behaviours["seed"] = Behaviour(healthy_after=None)
    assert done(shop, optional, migrate=5) == (
        "seed did not end within 5 s and was ended; what waits for it starts without (required: false)"
    )
    assert shop.state().of("seed") == ()


def test_a_job_that_somebody_removes_is_no_success(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, up=False)
    shop.engine.behaviours["seed"] = Behaviour(healthy_after=None)
    shop.engine.clock.alarms[shop.engine.clock.now + 3] = shop.engine.containers.clear
    with pytest.raises(OpsError, match="seed was removed while it ran"):
        done(shop, RunJob(service="seed", cause=WHY))


def test_a_job_left_running_by_a_killed_change_is_ended_first(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, up=False)
    shop.engine.behaviours["seed"] = Behaviour(healthy_after=None)
    done(shop, Start(counts=(("seed", 1),), cause=WHY))
    [former] = shop.state().of("seed")
    shop.engine.behaviours["seed"] = JOB
    assert done(shop, RunJob(service="seed", cause=WHY)) == "ended with 0: done"
    assert former.id not in shop.state().ids


def test_migrate_runs_the_job_with_what_it_needs(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, up=False)
    migrate(shop.context(), shop.prober)
    assert [found.service for found in shop.state().replicas if found.running] == ["db"]
    assert [event["step"] for event in shop.journal() if event["event"] == "step-done"][-1] == Migrate.kind


def test_what_is_healthy_too_late_or_missing_is_named(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    with pytest.raises(OpsError, match="replicas are missing after 4 s"):
        done(shop, WaitHealthy(counts=(("worker", 3),), cause=WHY), healthy=4)
    shop.engine.containers[shop.ready("db")[0].id].behaviour = Behaviour(healthy_after=1e9, output=("recovering",))
    with pytest.raises(OpsError, match="no replica of db is healthy after 4 s, and what starts depends on it"):
        done(shop, WaitDependency(services=("db",), cause=WHY), healthy=4)
    note = done(shop, WaitDependency(services=("db",), required=False, cause=WHY), healthy=4)
    assert note.startswith("no replica of db is healthy after 4 s, and what starts depends on it; what waits")


def test_what_is_healthy_already_is_not_waited_for(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    began = shop.engine.clock.now
    assert done(shop, WaitDependency(services=("db",), cause=WHY)) == ""
    assert shop.engine.clock.now == began


@pytest.mark.parametrize(("code", "restart"), [(1, "no"), (1, "on-failure"), (0, "unless-stopped")])
def test_a_store_that_ends_before_it_is_healthy_is_not_waited_for(tmp_path: Path, code: int, restart: str) -> None:
    shop = shop_of(tmp_path, {"db": {"restart": restart}}, up=False)
    shop.engine.behaviours["db"] = Behaviour(healthy_after=60.0, exits_after=2.0, exit_code=code)
    run, began = executor(shop), shop.engine.clock.now
    run.carry_out(Start(counts=(("db", 1),), cause=WHY), Progress(""))
    with pytest.raises(OpsError, match=f"shop-db-1 ended with {code}; its last output"):
        run.carry_out(WaitHealthy(counts=(("db", 1),), cause=WHY), Progress(""))
    assert shop.engine.clock.now - began < 4


def test_what_was_made_to_end_counts_as_healthy(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, {"db": {"restart": "no"}}, up=False)
    shop.engine.behaviours["db"] = JOB
    run = executor(shop)
    run.carry_out(Start(counts=(("db", 1),), cause=WHY), Progress(""))
    shop.engine.clock.sleep(2)
    run.carry_out(WaitHealthy(counts=(("db", 1),), cause=WHY), Progress(""))
    assert shop.state().of("db")[0].ended_well


def test_stores_that_ended_start_again_and_those_that_run_stay(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    store, balancer = shop.ready("db")[0].id, shop.ready("nginx-lb")[0].id
    shop.engine.crash(store)
    done(shop, Start(counts=(("db", 1), ("nginx-lb", 1)), cause=WHY))
    assert {store, balancer} <= {found.id for found in shop.state().replicas if found.running}


def test_what_crashes_again_and_again_or_hangs_in_its_removal_is_dealt_with(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    [store], [worker] = shop.ready("db"), shop.ready("worker")
    shop.engine.containers[store.id].status = "restarting"
    done(shop, Start(counts=(("db", 1),), cause=WHY))
    assert shop.engine.containers[store.id].status == "running"
    shop.engine.containers[worker.id].status = "dead"
    done(shop, Start(counts=(("worker", 1),), replicas=True, cause=WHY))
    assert [found.id == worker.id for found in shop.state().of("worker")] == [False]


def test_containers_are_restarted_in_place(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    [db] = shop.state("db").replicas
    done(shop, Restart(service="db", containers=(ContainerRef(db.name, db.id),), seconds=5, cause=WHY))
    assert shop.state().of("db")[0].started_at != db.started_at


def test_a_silent_replica_fails_the_proof_of_the_routing(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    shop.engine.crash(shop.ready("nginx-lb")[0].id)
    with pytest.raises(OpsError, match="the balancer \\(nginx-lb\\) does not run"):
        done(shop, VerifyRouting(counts=(("web", 1),), cause=WHY))
    shop = shop_of(tmp_path)
    shop.engine.containers[shop.ready("web")[0].id].behaviour = Behaviour(healthy_after=1e9)
    run = executor(shop)
    run.carry_out(Start(counts=(("web", 2),), replicas=True, cause=WHY), Progress(""))
    progress = Progress("")
    shop.engine.clock.sleep(5)
    run.carry_out(VerifyRouting(counts=(("web", 2),), cause=WHY), progress)
    assert progress.note.endswith("every replica that is well answered")


def test_a_configuration_that_nginx_refuses_is_not_taken(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    check, reload = CheckConfig(service="nginx-lb", cause=WHY), Reload(service="nginx-lb", cause=WHY)
    done(shop, check)
    done(shop, reload)
    assert [name for _container, name in shop.engine.signals] == ["SIGHUP"]
    shop.engine.on_exec = lambda _container, command: Completed(tuple(command), 1, "", "unknown directive\n")
    with pytest.raises(Refused, match=r"the configuration of nginx-lb is broken.*:\n +unknown directive"):
        done(shop, check)
    with pytest.raises(Refused, match="worker is no nginx"):
        done(shop, CheckConfig(service="worker", cause=WHY))
    shop.engine.crash(shop.ready("nginx-lb")[0].id)
    with pytest.raises(OpsError, match="nginx-lb does not run"):
        done(shop, reload)


def test_a_file_that_was_replaced_behind_a_mount_is_not_reloaded(tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text("new", "utf-8")
    mount = {"type": "bind", "source": str(path), "target": "/etc/nginx/nginx.conf", "read_only": True}
    shop = shop_of(tmp_path, {"nginx-lb": {"volumes": [mount]}})
    [edge] = shop.ready("nginx-lb")
    files = shop.engine.containers[edge.id].files
    files["/etc/nginx/nginx.conf"] = b"old"
    with pytest.raises(Refused, match=r"still sees the former nginx\.conf"):
        done(shop, CheckConfig(service="nginx-lb", cause=WHY))
    files["/etc/nginx/nginx.conf"] = b"new"
    done(shop, CheckConfig(service="nginx-lb", cause=WHY))


def test_images_are_pulled_and_removed(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    shop.engine.registry["worker:1"] = "sha256:new"
    done(shop, Pull(services=("worker",), cause=WHY))
    with pytest.raises(OpsError, match="db:1 can't be pulled: not found"):
        done(shop, Pull(services=("db",), cause=WHY))
    spare = shop.engine.add_image("spare:1")
    shop.engine.add_image("spare:1", "sha256:newer")
    done(shop, RemoveImages(images=(spare,), cause=WHY))
    assert spare not in shop.engine.known_images


def test_budgets_are_checked_without_a_database_that_tells_them(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    assert done(shop, CheckBudgets(peak=(("web", 2),), cause=WHY)) == ""


def test_a_step_is_applied_where_nothing_is_left_to_do(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    run, worker = executor(shop), shop.ready("worker")[0]
    remove = Remove(containers=(ContainerRef(worker.name, worker.id),), cause=WHY)
    assert not run.applied(remove)
    shop.engine.remove(worker.id)
    assert run.applied(remove)
    assert run.applied(RemoveNetwork(network="no-such", cause=WHY))
    assert not run.applied(WaitHealthy(counts=(), cause=WHY))


def test_a_command_that_fails_because_the_engine_is_gone_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(tmp_path)
    failed = CommandFailed(Completed(("docker", "compose", "up"), 1, "", "cannot connect"))

    def create(*_: object, **__: object) -> None:
        raise failed

    monkeypatch.setattr(type(shop.compose), "create", create)
    start = Start(counts=(("worker", 2),), replicas=True, cause=WHY)
    with pytest.raises(CommandFailed):
        done(shop, start)
    run = executor(shop)
    monkeypatch.setattr(shop.engine, "answers", lambda: False)
    with pytest.raises(MissingPrerequisite, match="stopped answering during: start worker=2"):
        run.carry_out(start, Progress(""))
    shop.engine.gone = True
    with pytest.raises(EngineGone):
        run.carry_out(RunJob(service="seed", required=False, cause=WHY), Progress(""))


def test_requests_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(Refused, match="--image goes with the services"):
        DeployRequest(image="2")
    with pytest.raises(Refused, match="which service"):
        RollbackRequest(())
    with pytest.raises(Refused, match="--pull and --no-pull"):
        asking_of(pull=True, no_pull=True)
    assert [asking_of(pull=pull, no_pull=no) for pull, no in ((True, False), (False, True), (False, False))] == [
        "always",
        "never",
        "by policy",
    ]
