"""How what is left over goes: containers drained, networks and images after them, and nothing that is still used."""

from __future__ import annotations

import pytest
from tests.unit.stacks import IMAGES, replica, running, stack, state

from optimus_ops.engine.leftovers import former_images, remove_nameless
from optimus_ops.engine.values import Image
from optimus_ops.errors import Refused
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.plan.checks import check_networks
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.leftovers import remove_containers, remove_unused, replaced_images
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.steps import Stop


def test_containers_are_drained_with_their_own_grace_and_removed_then_the_rest() -> None:
    left = Leftovers(
        orphans=(replica("old", stop_seconds=80.0), replica("old", 2, status="exited")),
        one_offs=(replica("ai", name="shop-ai-run-1"),),
        networks=("shop_old",),
        images=("sha256:0123456789abcdef",),
    )
    steps = (*remove_containers(left.containers), *remove_unused(left))
    assert [step.text for step in steps] == [
        "drain and stop shop-old-1, shop-ai-run-1",
        "remove shop-old-1, shop-old-2, shop-ai-run-1",
        "remove network shop_old",
        "remove images 0123456789ab",
    ]
    assert {step.cause.text for step in steps} == {"--remove-orphans"}
    assert [step.seconds for step in steps if isinstance(step, Stop)] == [80.0]


def test_nothing_left_over_is_nothing_to_do() -> None:
    assert not Leftovers()
    assert (*remove_containers(()), *remove_unused(Leftovers())) == ()


def test_a_network_in_use_by_a_compose_run_is_refused_with_the_flag_that_removes_it() -> None:
    with pytest.raises(Refused, match="in use by shop-ai-run-1, left by `docker compose run`") as refused:
        check_networks({"shop_default": {"ai1": "shop-ai-1", "run1": "shop-ai-run-1"}}, {"ai1"}, {"run1"})
    assert "--remove-orphans" in (refused.value.hint or "")
    check_networks({"shop_default": {"ai1": "shop-ai-1", "run1": "shop-ai-run-1"}}, {"ai1", "run1"}, {"run1"})


def test_a_network_in_use_by_a_stranger_is_refused_with_the_command_that_disconnects_it() -> None:
    with pytest.raises(Refused, match="in use by agent, which is not part") as refused:
        check_networks({"shop_default": {"x": "agent"}}, set(), set())
    assert refused.value.hint == "disconnect it first: docker network disconnect shop_default agent"


def test_a_build_takes_the_name_of_an_image_that_nothing_runs_on() -> None:
    around = ObservedInputs(images=IMAGES, outdated=frozenset({"shop/ai:local"}))
    idle = state(*running(memory=1).replicas)
    assert replaced_images(plan_scale(stack(), idle, ScaleRequest(), around), stack(), idle, IMAGES) == (
        IMAGES["shop/ai:local"],
    )
    busy = running(ai=1, memory=1)
    asked = plan_scale(stack(), busy, ScaleRequest(build=frozenset({"ai"})), around)
    assert replaced_images(asked, stack(), busy, IMAGES) == ()


class Engine:
    """Images as the engine lists them: one named, two nameless of the same service, one of another's."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def image(self, name: str) -> Image:
        return Image(name, () if name == "former" else ("shop/ai:1.4",), labels=_labels("ai"))

    def nameless_images(self, _label: str) -> tuple[Image, ...]:
        return tuple(
            Image(name, labels=_labels(of)) for name, of in (("former", "ai"), ("used", "ai"), ("other", "db"))
        )

    def used_images(self) -> frozenset[str]:
        return frozenset({"used"})

    def untag(self, image: str) -> None:
        self.removed.append(image)


def _labels(service: str) -> dict[str, str]:
    return {"com.docker.compose.project": "shop", "com.docker.compose.service": service}


def test_former_images_are_those_of_the_same_service_that_nothing_runs_on() -> None:
    assert former_images(Engine(), ["shop/ai:local"]) == ("former",)  # type: ignore[arg-type]  # an engine in memory


def test_an_image_that_has_a_name_again_is_not_removed() -> None:
    engine = Engine()
    remove_nameless(engine, ["former", "named"])  # type: ignore[arg-type]  # an engine in memory
    assert engine.removed == ["former"]
