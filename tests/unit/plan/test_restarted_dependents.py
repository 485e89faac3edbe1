from __future__ import annotations

from typing import Any

from tests.unit.plan.test_start_order import ended, service, stack
from tests.unit.stacks import replica, state

from optimus_ops.model.stack import COMPLETED, HEALTHY, STARTED
from optimus_ops.plan.dependents import dependents_of
from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.steps import Restart, RunJob, Start, Stop, WaitDependency

RESTART = {"condition": STARTED, "restart": True}
MADE = stack(
    api=service(replicas=True, init=COMPLETED, db=HEALTHY),
    web=service(replicas=True, api=RESTART),
    edge=service(replicas=True, web=RESTART),
    cron=service(api=RESTART),
    other=service(replicas=True, api=STARTED),
    init=service(),
    db=service(),
)
STALE = replica("api", image_id="sha256:old")
THERE = (replica("web"), replica("edge"), replica("cron"), replica("other"), replica("db"), ended("init"))


def steps(*there: Any, services: tuple[str, ...] = ("api",), **facts: Any) -> tuple[Any, ...]:
    now = state(*there)
    dependents = dependents_of(MADE, now, services)
    request = RolloutSpec((*services, *sorted(dependents, reverse=True)), observe=0.0, dependents=dependents)
    return plan_deploy(MADE, now, request, ObservedInputs(images={"x": "sha256:x"}, **facts)).steps


def test_what_depends_with_restart_is_replaced_behind_what_it_depends_on() -> None:
    started = [name for step in steps(STALE, *THERE) if isinstance(step, Start) for name, _count in step.counts]
    assert started == ["api", "web", "edge"]


def test_what_can_not_be_replaced_while_it_serves_is_restarted_in_place() -> None:
    made = steps(STALE, *THERE)
    [restart] = [step for step in made if isinstance(step, Restart)]
    assert restart.text == "restart shop-cron-1"
    assert restart.cause.text == "cron depends on api with restart: true"
    assert made.index(restart) > max(made.index(step) for step in made if isinstance(step, Stop))


def test_nothing_is_restarted_where_nothing_was_replaced() -> None:
    assert steps(replica("api"), *THERE) == ()
    stale_web = replica("web", image_id="sha256:old")
    assert steps(replica("api"), stale_web, *THERE[1:]) == ()


def test_what_does_not_run_is_no_dependent() -> None:
    assert dependents_of(MADE, state(STALE, replica("db")), ["api"]) == frozenset()


def test_a_new_version_starts_behind_its_jobs_and_healthy_dependencies() -> None:
    sick, failed = replica("db", health="unhealthy"), ended("init", exit_code=3)
    made = steps(STALE, replica("web"), sick, failed)
    first = next(made.index(step) for step in made if isinstance(step, Start))
    assert [step.text for step in made[:first] if isinstance(step, RunJob | WaitDependency)] == [
        "wait for a healthy replica of db",
        "run init",
    ]


def test_a_rollback_runs_no_jobs() -> None:
    now = state(STALE, replica("db"), ended("init", exit_code=3))
    request = RolloutSpec(("api",), observe=0.0, migrate=False, purpose="rollback")
    plan = plan_deploy(MADE, now, request, ObservedInputs(images={"x": "sha256:x"}))
    assert not [step for step in plan.steps if isinstance(step, RunJob)]
