from __future__ import annotations

from tests.unit.stacks import replica, state

from optimus_ops.engine.observed_stack import observed_stack, parse_depends_on
from optimus_ops.model.stack import COMPLETED, HEALTHY, Dependency
from optimus_ops.plan.down import plan_down
from optimus_ops.plan.steps import Stop

DEPENDS = "com.docker.compose.depends_on"


def test_what_compose_wrote_on_a_container_tells_its_dependencies() -> None:
    assert parse_depends_on("db:service_healthy:false,init:service_completed_successfully:true") == {
        "db": Dependency(HEALTHY),
        "init": Dependency(COMPLETED, restart=True),
    }
    assert parse_depends_on("") == parse_depends_on("nonsense") == {}


def test_a_stack_stops_in_order_by_what_its_containers_tell() -> None:
    web = replica("web", labels={DEPENDS: "db:service_healthy:false"}, stop_seconds=70.0)
    there = state(replica("db", stop_seconds=10.0), web, replica("edge", stop_seconds=30.0))
    stack = observed_stack(there, balancer="edge", migrations="migrations")
    stops = [step for step in plan_down(stack, there, []).steps if isinstance(step, Stop)]
    assert [(step.containers[0].name, step.seconds) for step in stops] == [
        ("shop-edge-1", 30.0),
        ("shop-web-1", 70.0),
        ("shop-db-1", 10.0),
    ]
