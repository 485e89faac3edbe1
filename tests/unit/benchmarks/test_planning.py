from __future__ import annotations

from benchmarks.planning import REPLICAS, SERVICES, document, most_resident, parsed, plans, state


def test_the_large_stack_is_as_large_as_it_is_said_to_be() -> None:
    stack = parsed(document())
    now = state(stack)
    assert len(stack.services) == SERVICES
    assert len(now.replicas) == REPLICAS == len({replica.id for replica in now.replicas})
    assert {replica.service for replica in now.replicas} == set(stack.services)


def test_both_plans_touch_every_scalable_service() -> None:
    scalable = set(parsed(document()).scalable)
    for plan in plans(document()).values():
        assert scalable <= {word for step in plan().steps for word in step.cause.text.replace(":", "").split()}


def test_memory_is_told_in_bytes() -> None:
    assert most_resident() > 10**6
