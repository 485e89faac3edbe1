from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import IMAGES, migrated, replica, running, stack, state

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.plan.checks import check_checkout
from optimus_ops.plan.down import plan_down
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.scale import plan_migrate, plan_scale
from optimus_ops.plan.steps import Pull, Remove, Start, Stop
from optimus_ops.plan.stop import leaving_first

HERE = ObservedInputs(images=IMAGES)


def test_first_start_goes_from_secrets_to_verified_routing() -> None:
    bases = ("postgres:17", "redis:8", "nginx:1.30", "python:3.12-slim")
    around = ObservedInputs(images={}, registry_answers=False, fallbacks_missing=bases, secrets=("POSTGRES_PASSWORD",))
    plan = plan_scale(stack(), state(), ScaleRequest({"ai": 3}), around)
    assert [f"{step.text}: {step.cause}" for step in plan.steps] == [
        "write secrets (1 generated): platform-owned secrets are missing",
        f"make fallback images for {', '.join(bases)}: no registry answers, and they are not on this machine",
        "build migrations, ai: the images are not on this machine",
        "start postgres, redis: postgres: 0 running, 1 wanted; redis: 0 running, 1 wanted",
        "wait until healthy: postgres, redis: they were started",
        "run migrations: it has not ended well on this image yet",
        "start memory, ai=3: memory: 0 running, 1 wanted; ai: 0 running, 3 wanted",
        "start nginx-lb: nginx-lb: 0 running, 1 wanted",
        "wait until healthy: memory, ai=3, nginx-lb: they were started",
        "verify routing to memory=1, ai=3: replicas were started",
    ]


def test_the_text_is_the_steps_with_their_causes() -> None:
    plan = plan_scale(stack(), running(ai=3, memory=2), ScaleRequest({"ai": 2}), HERE)
    assert plan_text(plan).splitlines() == [
        "shop: scale",
        "   1. drain and stop shop-ai-3  (ai: 3 running, 2 wanted)",
        "   2. verify routing to ai=2    (replicas were removed)",
        "   3. remove shop-ai-3          (ai: 3 running, 2 wanted)",
    ]


def test_images_are_pulled_where_a_registry_answers() -> None:
    plan = plan_scale(stack(), state(), ScaleRequest(), ObservedInputs(images={}, fallbacks_missing=("redis:8",)))
    assert plan.steps[0].text == "pull the images of postgres, redis, nginx-lb"


def test_nothing_to_do_is_an_empty_plan() -> None:
    plan = plan_scale(stack(), running(ai=3, memory=1), ScaleRequest({"ai": 3}), HERE)
    assert not plan
    assert plan_text(plan) == "shop: scale: nothing to do"


def test_scale_up_starts_only_the_service_named() -> None:
    plan = plan_scale(stack(), running(ai=1, memory=2), ScaleRequest({"ai": 4}), HERE)
    assert [step.text for step in plan.steps] == ["start ai=4", "wait until healthy: ai=4", "verify routing to ai=4"]


def test_scale_down_stops_exactly_the_surplus() -> None:
    plan = plan_scale(stack(), running(ai=3, memory=2), ScaleRequest({"ai": 1}), HERE)
    assert [step.text for step in plan.steps] == [
        "drain and stop shop-ai-3, shop-ai-2",
        "verify routing to ai=1",
        "remove shop-ai-3, shop-ai-2",
    ]


def test_services_not_named_keep_their_number() -> None:
    plan = plan_scale(stack(), running(ai=2, memory=3), ScaleRequest({"ai": 2}), HERE)
    assert not plan


def test_grace_on_stop_is_the_service_s_own() -> None:
    plan = plan_scale(stack(), running(ai=1, memory=3), ScaleRequest({"memory": 2}), HERE)
    stop = next(step for step in plan.steps if isinstance(step, Stop))
    assert stop.seconds == 80.0


def test_a_store_that_ended_is_started_again() -> None:
    there = state(
        replica("postgres"),
        replica("redis", status="exited", health=None),
        replica("nginx-lb"),
        migrated(),
        replica("ai"),
        replica("memory"),
    )
    plan = plan_scale(stack(), there, ScaleRequest(), HERE)
    assert [step.text for step in plan.steps] == ["start redis", "wait until healthy: redis"]


def test_migrations_run_again_before_replicas_of_another_image() -> None:
    around = ObservedInputs(images={**IMAGES, "shop/memory:local": "sha256:new"})
    plan = plan_scale(stack(), running(ai=1, memory=1), ScaleRequest({"memory": 2}), around)
    assert [step.text for step in plan.steps][:3] == [
        "check that migrations only expands the schema",
        "run migrations",
        "start memory=2",
    ]


def test_a_newer_image_is_no_reason_to_migrate_under_the_replicas_that_run() -> None:
    around = ObservedInputs(images={**IMAGES, "shop/memory:local": "sha256:new"})
    plan = plan_scale(stack(), running(ai=1, memory=1), ScaleRequest({"ai": 2}), around)
    assert [step.text for step in plan.steps] == ["start ai=2", "wait until healthy: ai=2", "verify routing to ai=2"]


def test_replicas_are_made_anew_and_stores_are_started_again() -> None:
    there = state(
        replica("postgres"), replica("redis", status="exited"), replica("nginx-lb"), migrated(), replica("ai")
    )
    plan = plan_scale(stack(), there, ScaleRequest({"ai": 2}), HERE)
    started = {name: step.replicas for step in plan.steps if isinstance(step, Start) for name, _count in step.counts}
    assert started == {"redis": False, "memory": True, "ai": True}


@pytest.mark.parametrize("status", ["exited", "created", "dead"])
def test_what_ended_is_cleared_away_once_its_successor_runs(status: str) -> None:
    there = state(*running(ai=2, memory=1).replicas, replica("ai", 3, status=status, health=None))
    plan = plan_scale(stack(), there, ScaleRequest(), HERE)
    assert [step.text for step in plan.steps] == [
        "start ai=3",
        "wait until healthy: ai=3",
        "verify routing to ai=3",
        "remove shop-ai-3",
    ]


def test_the_number_before_a_killed_change_counts_and_not_what_it_left() -> None:
    there = state(*running(ai=5, memory=1).replicas, replica("ai", 6, status="exited", health=None))
    around = ObservedInputs(images=IMAGES, before={"ai": 4, "memory": 1})
    plan = plan_scale(stack(), there, ScaleRequest(), around)
    assert [step.text for step in plan.steps] == [
        "drain and stop shop-ai-5",
        "verify routing to ai=4",
        "remove shop-ai-5, shop-ai-6",
    ]


def test_a_stack_of_another_checkout_is_left_alone() -> None:
    there = state(replica("ai", folder="/srv/a/compose"), replica("ai", 2, folder="/srv/b/compose", status="exited"))
    check_checkout(there, "/srv/a/compose")
    with pytest.raises(Refused, match="another checkout \\(/srv/a/compose\\)"):
        check_checkout(there, "/srv/b/compose")


def test_migrations_that_failed_run_again() -> None:
    failed = replica("migrations", status="exited", exit_code=1, image_id=IMAGES["shop/memory:local"])
    there = state(replica("postgres"), replica("redis"), replica("nginx-lb"), failed, replica("ai"))
    steps = plan_scale(stack(), there, ScaleRequest(), HERE).steps
    assert [step.text for step in steps][:2] == ["run migrations", "start memory"]


def test_migrations_run_on_request() -> None:
    plan = plan_scale(stack(), running(ai=1, memory=1), ScaleRequest(run_migrations=True), HERE)
    assert [step.text for step in plan.steps] == ["check that migrations only expands the schema", "run migrations"]
    assert plan.steps[-1].cause.text == "--run-migrations"


def test_a_build_on_request_builds_one_image_once_and_migrates_on_it() -> None:
    plan = plan_scale(stack(), running(ai=1, memory=1), ScaleRequest(build=frozenset({"memory"})), HERE)
    assert [step.text for step in plan.steps] == [
        "build migrations",
        "check that migrations only expands the schema",
        "run migrations",
    ]


def test_outdated_images_are_built_anew_where_nothing_runs_on_them() -> None:
    around = ObservedInputs(images=IMAGES, outdated=frozenset({"shop/ai:local", "shop/memory:local"}))
    plan = plan_scale(stack(), running(memory=1), ScaleRequest(), around)
    assert plan.steps[0].text == "build ai"
    assert plan.steps[0].cause.text == "its sources changed"


@pytest.mark.parametrize("name", ["nonsense", "AI"])
def test_unknown_services_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(Refused, match="unknown service") as refused:
        plan_scale(stack(), state(), ScaleRequest({name: 2}), HERE)
    assert "ai" in (refused.value.hint or "")


def test_a_store_cannot_be_scaled() -> None:
    with pytest.raises(Refused, match="redis can't be scaled"):
        plan_scale(stack(), state(), ScaleRequest({"redis": 2}), HERE)


def test_victims_are_stale_ones_then_unhealthy_ones_then_the_youngest() -> None:
    replicas = [replica("ai", 1), replica("ai", 2, health="unhealthy"), replica("ai", 3), replica("ai", 4)]
    assert [victim.number for victim in leaving_first(replicas, 4, {"ai1"})] == [1, 2, 4, 3]


def test_a_replica_of_an_older_image_is_the_first_to_go() -> None:
    there = state(*(replica("ai", n, image_id="sha256:old" if n == 1 else IMAGES["shop/ai:local"]) for n in (1, 2, 3)))
    steps = plan_scale(stack(), there, ScaleRequest({"ai": 2}), HERE).steps
    assert [victim.name for step in steps if isinstance(step, Stop) for victim in step.containers] == ["shop-ai-1"]


def test_down_stops_the_balancer_first_and_stores_last() -> None:
    plan = plan_down(stack(), running(ai=2, memory=1), ["shop_optimus"])
    assert [step.text for step in plan.steps] == [
        "drain and stop shop-nginx-lb-1",
        "remove shop-nginx-lb-1",
        "drain and stop shop-ai-1, shop-ai-2, shop-memory-1",
        "remove shop-ai-1, shop-ai-2, shop-memory-1",
        "drain and stop shop-postgres-1, shop-redis-1",
        "remove shop-migrations-1, shop-postgres-1, shop-redis-1",
        "remove network shop_optimus",
    ]


def test_migrate_starts_only_what_the_job_needs() -> None:
    plan = plan_migrate(stack(), state(), HERE)
    assert [step.text for step in plan.steps] == ["start postgres", "wait until healthy: postgres", "run migrations"]


def test_json_holds_the_same_steps_as_the_text() -> None:
    plan = plan_scale(stack(), running(ai=3, memory=2), ScaleRequest({"ai": 1}), HERE)
    document = plan_json(plan)
    assert [step["text"] for step in document["steps"]] == [step.text for step in plan.steps]
    assert document["steps"][0]["victims"][0] == {"name": "shop-ai-3", "container": "ai3"}


@given(now=st.integers(1, 20), wanted=st.integers(1, 20), other=st.integers(1, 5))
def test_a_plan_leads_to_the_wanted_number_and_touches_no_other_service(now: int, wanted: int, other: int) -> None:
    plan = plan_scale(stack(), running(ai=now, memory=other), ScaleRequest({"ai": wanted}), HERE)
    started = {name: count for step in plan.steps if isinstance(step, Start) for name, count in step.counts}
    removed = [victim for step in plan.steps if isinstance(step, Remove) for victim in step.containers]
    assert max(started.get("ai", now), now) - len(removed) == wanted
    assert set(started) <= {"ai"}
    assert all(victim.name.startswith("shop-ai-") for victim in removed)


def test_a_tag_that_moved_is_pulled_before_the_first_start() -> None:
    facts = ObservedInputs(images=IMAGES, moved={"redis:8": "sha256:2"})
    plan = plan_scale(stack(), state(), ScaleRequest(), facts)
    assert [(step.text, step.cause.text) for step in plan.steps if isinstance(step, Pull)] == [
        ("pull the images of redis", "redis:8 is 2 in its registry now")
    ]


def test_an_image_that_may_not_be_pulled_is_refused_where_it_is_missing() -> None:
    images = {name: image for name, image in IMAGES.items() if name != "redis:8"}
    with pytest.raises(Refused, match="redis:8 is not on this machine"):
        plan_scale(
            stack(redis={"image": "redis:8", "pull_policy": "never"}), state(), ScaleRequest(), ObservedInputs(images)
        )


def test_what_has_no_fallback_is_pulled_beside_what_has_one() -> None:
    foreign = stack(web={"image": "registry.shop/web:1"})
    images = {name: image for name, image in IMAGES.items() if name != "redis:8"}
    around = ObservedInputs(images, registry_answers=False, fallbacks_missing=("redis:8",))
    plan = plan_scale(foreign, state(), ScaleRequest(), around)
    assert [step.text for step in plan.steps][:2] == ["make fallback images for redis:8", "pull the images of web"]


@pytest.mark.parametrize("image", ["registry.shop/web:1", "python:3.12-slim"])
def test_what_nobody_gives_is_named_before_anything_is_done(image: str) -> None:
    foreign = stack(web={"image": "registry.shop/web:1"})
    around = ObservedInputs({}, unobtainable=(image,))
    with pytest.raises(MissingPrerequisite, match=f"no registry answers for {image}, and there is no fallback image"):
        plan_scale(foreign, state(), ScaleRequest(), around)


def test_what_nobody_gives_and_nobody_needs_is_no_matter() -> None:
    foreign = stack(web={"image": "registry.shop/web:1"})
    around = ObservedInputs(IMAGES, unobtainable=("python:3.12-slim",))
    assert "pull the images of web" in [
        step.text for step in plan_scale(foreign, state(), ScaleRequest(), around).steps
    ]
