"""Dependents: services that are restarted or replaced after what they depend on with `restart: true`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Restart, WaitDependency
from optimus_ops.plan.stop import refs


def dependents_of(stack: Stack, state: State, services: Iterable[str]) -> frozenset[str]:
    """Return the scalable services that are to be replaced after some services were, dependents of theirs included."""
    given = frozenset(services)
    reached = given
    while more := {name for name in _dependents(stack, state, reached) if stack.services[name].scalable} - reached:
        reached |= more
    return reached - given


def restart_steps(stack: Stack, state: State, replaced: Collection[str]) -> tuple[Step, ...]:
    """Return the restarts of what can't be replaced while it serves, and depends on what was."""
    steps: list[Step] = []
    for name in _dependents(stack, state, replaced):
        service = stack.services[name]
        if not service.scalable:
            needed = ", ".join(stack.restarted_after(name, service.depends_on))
            cause = Cause(f"{name} depends on {needed} with restart: true", "dependency")
            running = refs(state.running(name))
            steps.append(Restart(service=name, containers=running, seconds=service.stop_seconds, cause=cause))
            steps.append(WaitDependency(services=(name,), cause=Cause("it was restarted")))
    return tuple(steps)


def _dependents(stack: Stack, state: State, replaced: Collection[str]) -> tuple[str, ...]:
    """Return the services that run and say `restart: true` of one that is replaced."""
    return tuple(name for name in stack.services if state.running(name) and stack.restarted_after(name, replaced))
