"""Checks of the stack and the checkout: networks, ports, leftovers, the state folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from optimus_ops.checks.model import Check
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import PublishedPort, Stack
from optimus_ops.model.state import State, ended_badly
from optimus_ops.model.subnets import SubnetProblem

STACK, CHECKOUT = "stack", "checkout"
NO_LEFTOVERS = Leftovers()


def check_subnets(now: Sequence[SubnetProblem], later: Sequence[SubnetProblem]) -> Check:
    """Check the networks whose addresses the files fix, now and with the overlays that a flag adds."""
    if now:
        hint = "; ".join(dict.fromkeys(problem.hint for problem in now))
        return Check(STACK, "networks", "failed", "; ".join(problem.found for problem in now), hint)
    if later:
        found = f"with optional overlays: {'; '.join(problem.found for problem in later)}"
        return Check(STACK, "networks", "warning", found, "; ".join(dict.fromkeys(problem.hint for problem in later)))
    return Check(STACK, "networks", "ok", "no other network has addresses that the files want")


def check_ports(taken: Mapping[str, Sequence[PublishedPort]], own: Iterable[PublishedPort]) -> Check:
    """Check the ports on the host: those `taken` by other programs, and the project's `own`, taken or not."""
    busy = [f"{port.host_ip or '*'}:{port.host_port} (for {name})" for name, ports in taken.items() for port in ports]
    if busy:
        hint = "end what listens there (ss -ltnp), or publish another port"
        return Check(STACK, "ports", "failed", f"in use by something else: {', '.join(busy)}", hint)
    numbers = ", ".join(str(port.host_port) for port in own if port.host_port)
    return Check(STACK, "ports", "ok", f"{numbers} free or ours" if numbers else "none is published")


def check_leftovers(
    state: State, stack: Stack | None, abandoned: Sequence[str], leftovers: Leftovers = NO_LEFTOVERS
) -> Check:
    """Check for what earlier runs left behind: containers that ended, what no file wants, `abandoned` files."""
    left = {replica.id for replica in leftovers.containers}
    ended = ended_badly(state, stack.jobs if stack else frozenset())
    lines = [f"{replica.name} {replica.condition}" for replica in ended if replica.id not in left]
    hints = ["replace what ended: invoke up; why it ended: invoke status"] if lines else []
    if leftovers:
        lines.extend(leftovers.lines)
        hints.append("remove what no file wants: invoke up --remove-orphans")
    if abandoned:
        lines.append(f"a killed run left {', '.join(abandoned)}")
        hints.append("harmless; the next run renews it")
    if lines:
        return Check(STACK, "leftovers", "warning", "\n".join(lines), "; ".join(hints))
    return Check(STACK, "leftovers", "ok", "none")


def check_state(folder: Path, *, writable: bool) -> Check:
    """Check that changes can be locked and journalled."""
    if writable:
        return Check(CHECKOUT, "state", "ok", f"{folder} can be written")
    return Check(
        CHECKOUT, "state", "failed", f"nothing can be written in {folder}", "name a folder of yours: OPTIMUS_STATE_DIR"
    )
