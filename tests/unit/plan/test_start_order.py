from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import IMAGES, replica, state

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.stack import COMPLETED, HEALTHY, STARTED, Stack
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.order import dependencies_first, start_order
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.scale import plan_migrate, plan_scale
from optimus_ops.plan.steps import RunJob, WaitHealthy

SCALABLE = {"com.optimus.scalable": "true"}


def service(*, replicas: bool = False, **needs: str | dict[str, Any]) -> dict[str, Any]:
    """Return a service that depends on others, each with a condition or with all that can be said."""
    told = {name: {"condition": need} if isinstance(need, str) else need for name, need in needs.items()}
    return {"image": "x", "depends_on": told, **({"labels": SCALABLE} if replicas else {})}


def stack(**services: dict[str, Any]) -> Stack:
    return parse_stack({"name": "shop", "services": services}, balancer="nginx-lb", migrations="migrations")


def planned(made: Stack, *there: Any, counts: dict[str, int] | None = None, **around: Any) -> list[str]:
    facts = ObservedInputs(images={"x": "sha256:x", **IMAGES}, **around)
    plan = plan_scale(made, state(*there), ScaleRequest(counts or {}), facts)
    return [step.text for step in plan.steps]


def ended(name: str, **changes: Any) -> Any:
    return replica(name, **{"status": "exited", "health": None, **changes})


OPTIONAL = {"image": "x", "labels": {"com.optimus.optional": "true"}}
WEB = stack(
    web=service(replicas=True, init=COMPLETED, db=HEALTHY),
    init=service(db=HEALTHY, prep=COMPLETED),
    prep=service(),
    db=service(),
)


def test_each_starts_when_what_it_waits_for_is_healthy_or_has_ended_well() -> None:
    assert planned(WEB) == [
        "start db",
        "wait until healthy: db",
        "run prep",
        "run init",
        "start web",
        "wait until healthy: web",
    ]


def test_a_store_that_waits_for_a_job_starts_behind_it() -> None:
    assert planned(stack(db=service(chown=COMPLETED), chown=service(), web=service(replicas=True))) == [
        "run chown",
        "start db",
        "wait until healthy: db",
        "start web",
        "wait until healthy: web",
    ]


def test_replicas_wait_for_replicas_that_they_depend_on() -> None:
    made = stack(
        front=service(replicas=True, api=HEALTHY),
        api=service(replicas=True, queue=STARTED),
        queue=service(replicas=True),
    )
    assert planned(made) == [
        "start queue",
        "start api",
        "wait until healthy: api",
        "start front",
        "wait until healthy: queue, front",
    ]


def test_what_stands_behind_replicas_starts_behind_them_and_the_balancer_last() -> None:
    made = stack(**{"nginx-lb": service(), "probe": service(api=STARTED), "api": service(replicas=True)})
    assert planned(made)[:3] == ["start api", "start probe", "wait until healthy: probe"]
    assert planned(made)[-2:] == ["start nginx-lb", "wait until healthy: api, nginx-lb"]


def test_a_job_that_ended_well_is_not_run_again_for_another_replica() -> None:
    there = (replica("web"), replica("db"), ended("init"), ended("prep"))
    assert planned(WEB, *there) == []
    assert planned(WEB, *there, counts={"web": 2}) == ["start web=2", "wait until healthy: web=2"]


@pytest.mark.parametrize(
    ("init", "around", "cause"),
    [
        (ended("init", exit_code=3), {}, "it has not ended well yet"),
        (ended("init", image_id="sha256:old"), {}, "it has not ended well on this image yet"),
        (ended("init"), {"changed_jobs": frozenset({"init"})}, "its definition in the Compose files changed"),
        (None, {}, "it has not ended well yet"),
    ],
)
def test_a_job_runs_again_where_it_failed_or_is_another_one_now(init: Any, around: dict[str, Any], cause: str) -> None:
    there = [replica("web"), replica("db"), ended("prep"), *([init] if init else [])]
    facts = ObservedInputs(images={"x": "sha256:x"}, **around)
    steps = plan_scale(WEB, state(*there), ScaleRequest({"web": 2}), facts).steps
    assert [(step.service, step.cause.text) for step in steps if isinstance(step, RunJob)] == [("init", cause)]


def test_only_another_definition_lets_a_job_run_where_nothing_starts_that_waits_for_it() -> None:
    there = (replica("web"), replica("db"), ended("init", exit_code=3), ended("prep", image_id="sha256:old"))
    assert planned(WEB, *there) == []
    assert planned(WEB, *there, changed_jobs=frozenset({"prep"})) == ["run prep"]


def test_a_job_that_can_be_done_without_and_a_store_likewise_do_not_fail_the_plan() -> None:
    optional = {"condition": COMPLETED, "required": False}
    sick = {"condition": HEALTHY, "required": False}
    made = stack(web=service(replicas=True, seed=optional, cache=sick), seed=service(), cache=service())
    assert planned(made) == [
        "start cache",
        "run seed (not required)",
        "wait until healthy: cache (not required)",
        "start web",
        "wait until healthy: web",
    ]


def test_one_that_requires_a_job_is_enough_to_require_it() -> None:
    optional = {"condition": COMPLETED, "required": False}
    made = stack(web=service(replicas=True, seed=optional), api=service(replicas=True, seed=COMPLETED), seed=service())
    assert "run seed" in planned(made)


def test_what_is_scaled_by_name_is_required() -> None:
    made = stack(web=service(replicas=True, api={"condition": HEALTHY, "required": False}), api=service(replicas=True))
    facts = ObservedInputs(images={"x": "sha256:x"})
    steps = plan_scale(made, state(), ScaleRequest({"api": 2}), facts).steps
    assert all(step.required for step in steps if isinstance(step, WaitHealthy))


def test_a_dependency_without_a_healthy_replica_is_waited_for_and_one_with_is_not() -> None:
    sick, well = replica("db", health="unhealthy"), replica("db")
    rest = (replica("web"), ended("init"), ended("prep"))
    assert planned(WEB, sick, *rest, counts={"web": 2})[0] == "wait for a healthy replica of db"
    assert planned(WEB, well, *rest, counts={"web": 2})[0] == "start web=2"
    assert planned(WEB, sick, *rest) == []


def test_services_that_wait_for_one_another_are_refused_with_the_circle() -> None:
    made = stack(a=service(b=STARTED), b=service(c=HEALTHY), c=service(a=STARTED), d=service(a=STARTED))
    with pytest.raises(Refused, match="a -> b -> c -> a"):
        planned(made)
    with pytest.raises(Refused, match="a -> a"):
        planned(stack(a=service(a=STARTED)))


def test_migrations_wait_for_jobs_that_they_depend_on() -> None:
    made = stack(
        migrations=service(db=HEALTHY, prep=COMPLETED), prep=service(), db=service(), web=service(replicas=True)
    )
    plan = plan_migrate(made, state(), ObservedInputs(images={"x": "sha256:x"}))
    assert [step.text for step in plan.steps] == ["start db", "wait until healthy: db", "run prep", "run migrations"]


def test_a_dependency_of_a_profile_that_is_off_is_none() -> None:
    made = stack(web=service(replicas=True, off={"condition": HEALTHY, "required": False}))
    assert planned(made) == ["start web", "wait until healthy: web"]


@given(
    st.dictionaries(
        st.sampled_from("abcdefg"),
        st.tuples(st.sets(st.sampled_from("abcdefg")), st.sampled_from([STARTED, HEALTHY, COMPLETED]), st.booleans()),
        max_size=7,
    )
)
def test_nothing_starts_before_what_it_depends_on(drawn: dict[str, tuple[set[str], str, bool]]) -> None:
    # Only names that come earlier in the alphabet: no circles.
    made = stack(
        **{
            name: service(replicas=replicas, **{need: condition for need in needs if need < name})
            for name, (needs, condition, replicas) in drawn.items()
        }
    )
    order = [name for group in start_order(made, made.services) for name in group]
    assert sorted(order) == sorted(made.services)
    for name in order:
        assert all(order.index(needed) < order.index(name) for needed in made.services[name].depends_on)
    assert sorted(dependencies_first(made, order)) == sorted(order)


def test_an_order_that_is_given_stays_where_nothing_depends() -> None:
    made = stack(a=service(c=STARTED), b=service(), c=service())
    assert dependencies_first(made, ["b", "a", "c"]) == ("b", "c", "a")


@pytest.mark.parametrize("count", [1, 2])
def test_a_job_is_not_scaled_whatever_its_labels_say(count: int) -> None:
    made = stack(web=service(replicas=True, init=COMPLETED), init=service(replicas=True))
    assert made.scalable == ("web",)
    with pytest.raises(Refused, match="init is a job"):
        planned(made, counts={"init": count})


def test_what_the_others_do_without_starts_last_and_is_required_by_nobody() -> None:
    made = stack(collector=OPTIONAL, db=service(), web=service(replicas=True, db=HEALTHY), **{"nginx-lb": service()})
    assert planned(made) == [
        "start db",
        "wait until healthy: db",
        "start web",
        "start nginx-lb",
        "start collector",
        "wait until healthy: web, nginx-lb",
        "wait until healthy: collector (not required)",
    ]


def test_what_depends_on_an_optional_service_all_the_same_comes_after_it() -> None:
    made = stack(web=service(replicas=True, collector=HEALTHY), collector=OPTIONAL)
    assert planned(made) == ["start collector", "wait until healthy: collector", "start web", "wait until healthy: web"]


def test_a_service_of_no_replicas_is_neither_pulled_nor_started() -> None:
    made = stack(web=service(replicas=True), shown={"image": "nowhere/shown:1", "deploy": {"replicas": 0}})
    assert planned(made) == ["start web", "wait until healthy: web"]
    assert made.public_images == ("x",)


def test_what_the_others_do_without_is_left_out_where_its_image_can_not_be_had() -> None:
    shown = {**OPTIONAL, "image": "nowhere/shown:1"}
    made = stack(web=service(replicas=True), shown=shown)
    facts = ObservedInputs(images={"x": "sha256:x"}, unobtainable=("nowhere/shown:1",))
    plan = plan_scale(made, state(), ScaleRequest(), facts)
    assert [step.text for step in plan.steps] == ["start web", "wait until healthy: web"]
    assert plan.notes == ("shown is left out: no registry answers for nowhere/shown:1, and there is no fallback image",)


def test_what_the_others_need_is_refused_where_its_image_can_not_be_had() -> None:
    made = stack(web=service(replicas=True), db={"image": "nowhere/db:1"})
    facts = ObservedInputs(images={"x": "sha256:x"}, unobtainable=("nowhere/db:1",))
    with pytest.raises(MissingPrerequisite, match="no registry answers for nowhere/db:1"):
        plan_scale(made, state(), ScaleRequest(), facts)
