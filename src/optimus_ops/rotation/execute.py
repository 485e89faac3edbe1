"""`invoke secrets.rotate`, from its request to its last line."""

from __future__ import annotations

import functools
import getpass
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.rotation.choose import (
    Ask,
    check_keys,
    choose_keys,
    confirm,
    due_keys,
    read_answer,
    wanted_members,
)
from optimus_ops.rotation.context import RotationContext, nobody_to_ask
from optimus_ops.rotation.convergence import StackReplicas
from optimus_ops.rotation.executor import RotationExecutor
from optimus_ops.rotation.files import SecretFiles
from optimus_ops.rotation.grace import SystemRotationClock
from optimus_ops.rotation.model import Phase
from optimus_ops.rotation.plan import plan_rotation
from optimus_ops.rotation.record import Record, RotationClock
from optimus_ops.rotation.records import RecordStore, new_id
from optimus_ops.rotation.registry import rotator_of
from optimus_ops.rotation.replicas import NoReplicas, Replicas
from optimus_ops.rotation.requests import RotateRequest
from optimus_ops.rotation.rotator import Rotator
from optimus_ops.rotation.status import grace_until, rotation_row, show_status
from optimus_ops.rotation.steps import RotationStep
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.listing import SecretRow, secret_rows
from optimus_ops.secrets.operator_input import at_terminal
from optimus_ops.secrets.pool import member_of, members
from optimus_ops.secrets.provision import ages_of, observe
from optimus_ops.secrets.value import Secret
from optimus_ops.stack.context import StackContext


@dataclass(frozen=True)
class Rotations:
    """The rotations of a checkout: its secrets, its records and its replicas.

    Args:
        ask: asks somebody at a terminal; None where nobody is there.
    """

    context: RotationContext
    keys: KeyStore
    records: RecordStore
    replicas: Replicas
    clock: RotationClock
    ask: Ask | None = None
    probe_seconds: float = field(default=30.0)

    @classmethod
    def open(cls, options: ChangeOptions, root: Path | None = None) -> Self:
        """Open those of a checkout; its stack, where there is an engine."""
        keys, clock = KeyStore.open("", root), SystemRotationClock()
        stack = open_stack(options)
        ask = read_answer if at_terminal() else None
        typed = ask_secret if ask else nobody_to_ask
        context = RotationContext(load_project(root), keys.paths, keys.entries, stack, clock, typed)
        return cls(context, keys, RecordStore(keys.state), replicas_of(context), clock, ask)

    def rotator(self, key: str) -> Rotator:
        """Return what rotates a key."""
        return rotator_of(self.keys.entry(key), self.context)

    def rows(self) -> tuple[SecretRow, ...]:
        """Return the state of every key."""
        return rows_of(self.keys, self.clock)

    def executor(self, *, force: bool = False) -> RotationExecutor:
        """Return what carries steps out; `force` disables what is in use."""
        files = SecretFiles(self.keys.paths, self.keys.entries)
        rotator = functools.cache(self.rotator)
        return RotationExecutor(
            self.records, rotator, files, self.replicas, self.clock, self.keys.values, self.probe_seconds, force
        )


def rows_of(keys: KeyStore, clock: RotationClock) -> tuple[SecretRow, ...]:
    """Return the state of every key; nothing where there is no file of secrets yet."""
    observed = observe(keys.paths)
    if observed.document is None:
        return ()
    return secret_rows(keys.entries, observed.document, ages_of(keys.paths, observed), clock.wall())


def open_stack(options: ChangeOptions) -> StackContext | None:
    """Return the stack; None where no engine answers or there are no Compose files."""
    try:
        return StackContext.open((), options)
    except OpsError:
        return None


def replicas_of(context: RotationContext) -> Replicas:
    """Return the replicas of a project's stack, if any runs."""
    stack = context.stack
    if stack is None or not any(found.occupied for found in stack.docker.observe(stack.project.name).replicas):
        return NoReplicas()
    return StackReplicas(context, stack)


def ask_secret(prompt: str) -> Secret:
    """Ask for a value at the terminal, without echo."""
    return Secret(getpass.getpass(f"{prompt} (not shown): "))


def show(request_json: bool, root: Path | None = None) -> None:
    """Print the rotations under way and the keys that are due."""
    keys, clock = KeyStore.open("", root), SystemRotationClock()
    show_status(RecordStore(keys.state).pending(), due_keys(rows_of(keys, clock)), clock, json=request_json)


def rotate(request: RotateRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Rotate secrets, go on with rotations, or roll them back."""
    carry_out(request, options, Rotations.open(options, root))


def carry_out(request: RotateRequest, options: ChangeOptions, rotations: Rotations) -> None:
    """Do what is asked for."""
    keys: tuple[str, ...] = ()
    run = ChangeRun(rotations.keys.state, rotations.keys.project, options)
    if request.begins:
        keys = choose_keys(request, rotations.rows(), run.console, rotations.ask)
        if not options.plan:
            confirm(keys, request, rotations.ask)
    with run:
        if not options.plan:
            rotations.records.sweep()
        with run.observing("secrets and their rotations"):
            plan = make_plan(request, keys, rotations)
        run.execute(plan, rotations.executor(force=request.force))
        left = rotations.records.pending()
        for record in left:
            if record.phase is Phase.CONVERGED and (until := grace_until(record, rotations.clock)):
                run.console.say(f"{record.name} is in grace until {until}: invoke secrets.rotate --resume")
        run.finish([asdict(rotation_row(record, rotations.clock)) for record in left])


def make_plan(request: RotateRequest, keys: Sequence[str], rotations: Rotations) -> Plan:
    """Return the steps of all rotations that are asked for, one after the other."""
    pending = rotations.records.pending()
    steps: list[RotationStep] = []
    for record, cause in [*_going_on(request, pending, rotations), *_new(request, keys, pending, rotations)]:
        left = record.left(rotations.clock)
        services = rotations.keys.entry(record.key).readers
        steps.extend(plan_rotation(record, request.goal, left=left, services=services, cause=cause))
    return Plan(rotations.keys.project, "secrets.rotate", tuple(steps))


def _going_on(
    request: RotateRequest, pending: Sequence[Record], rotations: Rotations
) -> list[tuple[Record, Cause | None]]:
    """Return the rotations under way that the request is about."""
    if request.all_due:
        over = [record for record in pending if record.phase is Phase.CONVERGED and not record.left(rotations.clock)]
        return [(record, Cause("its grace is over", "interrupted")) for record in over]
    if request.begins:
        return []
    for key in request.keys:
        rotations.keys.entry(key)
        if key not in {record.key for record in pending}:
            raise Refused(f"no rotation of {key} is under way", "invoke secrets.rotate --status")
    found = [record for record in pending if not request.keys or record.key in request.keys]
    return [(record if request.grace is None else replace(record, grace=request.grace), None) for record in found]


def _new(
    request: RotateRequest, keys: Sequence[str], pending: Sequence[Record], rotations: Rotations
) -> list[tuple[Record, Cause | None]]:
    """Return records of new rotations, which begin with their first steps.

    Raises:
        Refused: a key can't be rotated, or is being rotated already.
    """
    entries = [rotations.keys.entry(key) for key in keys]
    check_keys(keys, rotations.keys.entries)
    values = rotations.keys.values() if entries else {}
    due = set(due_keys(rotations.rows())) if entries else set()
    under_way = {(record.key, record.member): record for record in pending}
    found: list[tuple[Record, Cause | None]] = []
    for entry in entries:
        if not values.get(entry.key):
            raise Refused(f"{entry.key} has no value", f"invoke secrets.set {entry.key}")
        rotator = rotations.rotator(entry.key)
        for member in wanted_members(entry, len(members(values[entry.key])), request.member):
            if record := under_way.get((entry.key, member)):
                if request.all_due:
                    continue
                raise Refused(
                    f"{record.name} is being rotated already (it is {record.phase.value})",
                    "invoke secrets.rotate --resume, or --rollback",
                )
            cause = Cause("it is older than it may be" if entry.key in due else "it was asked for", "requested")
            found.append((_begun(entry, member, rotator, request, rotations), cause))
            rotator.check(entry.key, member_of(values[entry.key], member) or Secret(""))
    return found


def _begun(entry: Entry, member: int | None, rotator: Rotator, request: RotateRequest, rotations: Rotations) -> Record:
    grace = rotator.grace_seconds(entry.key) if request.grace is None else request.grace
    return Record(new_id(), entry.key, entry.rotator, rotations.clock.wall(), grace, member=member)
