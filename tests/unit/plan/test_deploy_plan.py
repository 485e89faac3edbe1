from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import IMAGES, migrated, replica, running, stack, state

from optimus_ops.errors import Refused
from optimus_ops.model.container_inputs import ChangedInput
from optimus_ops.plan.deploy import deployable, peak_replicas, plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Keep, Remove, Start, Stop

NEW = "sha256:new"


def around(**changes: Any) -> ObservedInputs:
    return ObservedInputs(images={**IMAGES, "shop/ai:local": NEW}, **changes)


def texts(plan: Plan) -> list[str]:
    return [step.text for step in plan.steps]


def test_the_old_version_serves_until_the_new_one_is_proven() -> None:
    plan = plan_deploy(stack(), running(ai=2), RolloutSpec(("ai",)), around())
    assert texts(plan) == [
        "keep ai's image shop/ai:loca for a rollback",
        "check the contracts of ai",
        "start ai=3",
        "wait until healthy: ai (new ones)",
        "verify routing to ai=3",
        "observe the new ai for 10 s",
        "drain and stop shop-ai-2",
        "start ai=3",
        "wait until healthy: ai=2 (new ones)",
        "verify routing to ai=3",
        "observe the new ai for 10 s",
        "drain and stop shop-ai-1",
        "verify routing to ai=2",
        "remove shop-ai-2, shop-ai-1",
    ]


def test_the_cause_names_both_images() -> None:
    plan = plan_deploy(stack(), running(ai=1), RolloutSpec(("ai",)), around())
    start = next(step for step in plan.steps if isinstance(step, Start))
    assert start.cause.text == "ai: image shop/ai:loca runs, new is wanted"


def test_batches_are_as_large_as_parallelism_and_surge_allow() -> None:
    request = RolloutSpec(("ai",), parallelism=2, surge=2, observe=0)
    plan = plan_deploy(stack(), running(ai=4), request, around())
    assert [step.text for step in plan.steps if isinstance(step, Start | Stop)] == [
        "start ai=6",
        "drain and stop shop-ai-4, shop-ai-3",
        "start ai=6",
        "drain and stop shop-ai-2, shop-ai-1",
    ]


def test_nothing_stale_is_nothing_to_do() -> None:
    assert not plan_deploy(stack(), running(ai=2), RolloutSpec(("ai",)), ObservedInputs(images=IMAGES))


def test_force_replaces_what_is_not_stale() -> None:
    plan = plan_deploy(stack(), running(ai=1), RolloutSpec(("ai",), force=True), ObservedInputs(images=IMAGES))
    assert "drain and stop shop-ai-1" in texts(plan)
    assert not any(text.startswith("keep") for text in texts(plan))


@pytest.mark.parametrize(
    ("facts", "changes", "cause"),
    [
        ({"environment": {"PORT": "8010", "LOG_LEVEL": "info"}}, {}, "ai: the environment changed (LOG_LEVEL)"),
        (
            {},
            {"changes": {"ai1": (ChangedInput("configuration", "tenants.yaml"),)}},
            "ai: its configuration changed (tenants.yaml)",
        ),
        ({"config_hash": "a"}, {"hashes": {"ai": "b"}}, "ai: its definition in the Compose files changed"),
    ],
)
def test_a_changed_configuration_is_a_reason_to_replace(
    facts: Mapping[str, Any], changes: Mapping[str, Any], cause: str
) -> None:
    wanted = stack(ai={**_ai(), "environment": {"PORT": "8010", "LOG_LEVEL": "debug"}})
    here = {"environment": {"PORT": "8010", "LOG_LEVEL": "debug"}, **facts}
    plan = plan_deploy(
        wanted,
        state(replica("nginx-lb"), replica("ai", **here)),
        RolloutSpec(("ai",)),
        ObservedInputs(images=IMAGES, **changes),
    )
    stop = next(step for step in plan.steps if isinstance(step, Stop))
    assert stop.cause.text == cause


def _ai() -> dict[str, Any]:
    return {"image": "shop/ai:local", "build": {"context": "."}, "labels": {"com.optimus.scalable": "true"}}


def test_changed_sources_are_built_first_and_every_replica_goes() -> None:
    facts = ObservedInputs(images=IMAGES, outdated=frozenset({"shop/ai:local"}))
    plan = plan_deploy(stack(), running(ai=1), RolloutSpec(("ai",)), facts)
    assert texts(plan)[:3] == [
        "keep ai's image shop/ai:loca for a rollback",
        "build ai",
        "check the contracts of ai",
    ]
    assert "drain and stop shop-ai-1" in texts(plan)


def test_another_image_is_pinned_and_fetched_where_it_is_missing() -> None:
    wanted = stack(ai={**_ai(), "image": "shop/ai:1.4", "expose": ["8010"]})
    request = RolloutSpec(("ai",), images={"ai": "shop/ai:1.4"}, repin=True)
    plan = plan_deploy(wanted, running(ai=1), request, ObservedInputs(images=IMAGES))
    assert texts(plan)[:4] == [
        "keep ai's image shop/ai:loca for a rollback",
        "pin ai to shop/ai:1.4",
        "pull the images of ai",
        "check the contracts of ai",
    ]
    here = ObservedInputs(images={**IMAGES, "shop/ai:1.4": NEW})
    assert "pull the images of ai" not in texts(plan_deploy(wanted, running(ai=1), request, here))


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (("healthy",), 0, True),
        (("unhealthy",), 0, True),
        (("starting",), 1, False),
        (("starting", "healthy"), 1, True),
    ],
)
def test_an_image_is_kept_for_a_rollback_unless_it_never_served(old: tuple[str, ...], new: int, kept: bool) -> None:
    wanted = stack(ai={**_ai(), "image": "shop/ai:2", "expose": ["8010"]})
    images = {"shop/ai:2": NEW}
    fresh = [replica("ai", len(old) + 1 + number, image="shop/ai:2", image_id=NEW) for number in range(new)]
    left = [
        replica("ai", number + 1, image="shop/ai:1", image_id=f"sha256:{health}", health=health)
        for number, health in enumerate(old)
    ]
    plan = plan_deploy(wanted, state(*left, *fresh), RolloutSpec(("ai",)), ObservedInputs(images=images))
    found = [step.images for step in plan.steps if isinstance(step, Keep)]
    assert found == ([(f"sha256:{old[-1]}",)] if kept else [])


def test_a_tag_that_moved_in_its_registry_is_pulled_and_every_replica_goes() -> None:
    foreign = stack(ai={"image": "shop/ai:1", "expose": ["8010"], "labels": _ai()["labels"], "pull_policy": "always"})
    facts = ObservedInputs(images={**IMAGES, "shop/ai:1": "sha256:old"}, moved={"shop/ai:1": "sha256:0123456789abcdef"})
    there = state(replica("nginx-lb"), replica("ai", image="shop/ai:1", image_id="sha256:old"))
    plan = plan_deploy(foreign, there, RolloutSpec(("ai",)), facts)
    assert texts(plan)[:2] == ["keep ai's image old for a rollback", "pull the images of ai"]
    assert plan.steps[1].cause.text == "shop/ai:1 is 0123456789ab in its registry now"
    stop = next(step for step in plan.steps if isinstance(step, Stop))
    assert stop.cause.text == "ai: shop/ai:1 is 0123456789ab in its registry now"


def test_an_image_that_nobody_builds_is_pulled_where_it_is_missing() -> None:
    foreign = stack(ai={"image": "shop/ai:1", "labels": _ai()["labels"]})
    plan = plan_deploy(foreign, running(ai=1), RolloutSpec(("ai",)), ObservedInputs(images=IMAGES))
    assert "pull the images of ai" in texts(plan)
    assert not any(text.startswith("build") for text in texts(plan))


def test_an_image_that_may_not_be_pulled_is_refused_where_it_is_missing() -> None:
    foreign = stack(ai={"image": "shop/ai:1", "labels": _ai()["labels"], "pull_policy": "never"})
    with pytest.raises(Refused, match="pull_policy: never of ai forbids"):
        plan_deploy(foreign, running(ai=1), RolloutSpec(("ai",)), ObservedInputs(images=IMAGES))


def test_a_balancer_whose_tag_moved_is_refused() -> None:
    facts = ObservedInputs(images=IMAGES, moved={"nginx:1.30": "sha256:2"})
    with pytest.raises(Refused, match=r"nginx:1\.30 is 2 in its registry now"):
        plan_deploy(stack(), running(ai=1), RolloutSpec(("nginx-lb",)), facts)


def test_a_migration_is_checked_and_run_on_the_new_image_before_any_replica() -> None:
    facts = ObservedInputs(images={**IMAGES, "shop/memory:local": NEW})
    plan = plan_deploy(stack(), running(memory=2), RolloutSpec(("memory",), allow_contract=True), facts)
    first = texts(plan).index("check that migrations only expands the schema")
    assert texts(plan)[first + 1 : first + 3] == ["run migrations", "start memory=3"]
    assert plan.steps[first].as_json()["allow_contract"] is True


def test_a_rollback_leaves_the_schema_alone() -> None:
    facts = ObservedInputs(images={**IMAGES, "shop/memory:local": NEW})
    plan = plan_deploy(stack(), running(memory=2), RolloutSpec(("memory",), migrate=False), facts)
    assert not any("migrations" in text for text in texts(plan))


def test_a_killed_deploy_goes_on_to_the_number_that_was_there_before() -> None:
    there = state(
        replica("nginx-lb"),
        replica("ai", 1, image_id="sha256:old"),
        replica("ai", 2, image_id="sha256:old", status="exited", health=None),
        replica("ai", 3, image_id=NEW),
    )
    plan = plan_deploy(stack(), there, RolloutSpec(("ai",), observe=0), around(before={"ai": 2}))
    assert [step.text for step in plan.steps if isinstance(step, Start | Stop | Remove)] == [
        "start ai=3",
        "drain and stop shop-ai-1",
        "remove shop-ai-1, shop-ai-2",
    ]


def test_the_balancer_is_tested_and_reloaded_in_place() -> None:
    facts = ObservedInputs(images=IMAGES, changes={"nginx-lb1": (ChangedInput("configuration", "nginx"),)})
    plan = plan_deploy(stack(), running(ai=2), RolloutSpec(("nginx-lb",)), facts)
    assert texts(plan) == ["test the configuration of nginx-lb", "reload nginx-lb", "verify routing to ai=2"]


def test_another_image_of_the_balancer_is_refused() -> None:
    facts = ObservedInputs(images={**IMAGES, "nginx:1.30": NEW})
    with pytest.raises(Refused, match="outage"):
        plan_deploy(stack(), running(ai=2), RolloutSpec(("nginx-lb",)), facts)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nonsense", "unknown service"), ("redis", "without an outage"), ("migrations", "job"), ("memory", "nothing of")],
)
def test_what_cannot_be_deployed_is_refused(name: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        plan_deploy(stack(), running(ai=1), RolloutSpec((name,)), ObservedInputs(images=IMAGES))


def test_without_names_everything_that_runs_and_may_be_replaced_is_meant() -> None:
    assert deployable(stack(), running(ai=1)) == ("ai", "nginx-lb")


@given(
    old=st.integers(0, 12),
    new=st.integers(0, 12),
    before=st.integers(0, 12),
    parallelism=st.integers(1, 6),
    surge=st.integers(1, 6),
)
def test_every_plan_ends_with_the_wanted_number_and_never_serves_with_fewer(
    old: int, new: int, before: int, parallelism: int, surge: int
) -> None:
    if not old + new:
        return
    there = state(
        replica("nginx-lb"),
        migrated(),
        *(replica("ai", n, image_id="sha256:old") for n in range(1, old + 1)),
        *(replica("ai", n, image_id=NEW) for n in range(old + 1, old + new + 1)),
    )
    wanted = before or old + new
    request = RolloutSpec(("ai",), parallelism=parallelism, surge=surge)
    plan = plan_deploy(stack(), there, request, around(before={"ai": before} if before else {}))
    serving, least, most = old + new, old + new, old + new
    for step in plan.steps:
        if isinstance(step, Start):
            serving = step.counts[0][1]
        if isinstance(step, Stop):
            assert len(step.containers) <= parallelism
            serving -= len(step.containers)
        least, most = min(least, serving), max(most, serving)
    assert serving == wanted
    assert least >= min(wanted, old + new)
    assert most <= max(wanted + surge, old + new)
    assert peak_replicas(stack(), there, plan)["ai"] == most


def test_the_text_is_a_tree_of_batches() -> None:
    plan = plan_deploy(stack(), running(ai=1), RolloutSpec(("ai",), observe=0), around())
    assert plan_text(plan).splitlines() == [
        "shop: deploy",
        "   1. keep ai's image shop/ai:loca for a rollback  (it runs now)",
        "   2. check the contracts of ai                    (services that call each other run beside it)",
        "  ai, batch 1 of 1",
        "  ├─   3. start ai=2                               (ai: image shop/ai:loca runs, new is wanted)",
        "  ├─   4. wait until healthy: ai (new ones)        (they were started)",
        "  ├─   5. verify routing to ai=2                   (replicas were started)",
        "  └─   6. drain and stop shop-ai-1                 (ai: image shop/ai:loca runs, new is wanted)",
        "   7. verify routing to ai=1                       (replicas were replaced)",
        "   8. remove shop-ai-1                             (they were replaced)",
    ]
