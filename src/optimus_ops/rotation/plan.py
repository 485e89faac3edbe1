"""The steps that lead a rotation from the phase that it reached to its end, or back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.rotation.model import Phase
from optimus_ops.rotation.record import Record
from optimus_ops.rotation.steps import (
    Converge,
    DisableOld,
    DiscardMinted,
    FinishRotation,
    InstallValue,
    MakeCurrent,
    PrepareValue,
    RestoreCurrent,
    RotationStep,
    TestValue,
    WaitGrace,
    WithdrawNew,
)

Goal = Literal["finish", "rollback"]
ORDER = tuple(Phase)
FOREGROUND_SECONDS = 120.0
"""A longer grace ends the command; a later one goes on."""


def plan_rotation(
    record: Record, goal: Goal, *, left: float, services: Sequence[str] = (), cause: Cause | None = None
) -> tuple[RotationStep, ...]:
    """Return the steps from the phase that a rotation reached.

    A rollback that was begun is completed, whatever the goal. Where more than `FOREGROUND_SECONDS` of grace are left,
    the steps end before it.

    `left` are the seconds of its grace, `services` those that get the value, `cause` is that of the first step.

    Raises:
        Refused: a rollback is wanted, and the old value is being disabled already.
    """
    if record.phase.ended:
        return ()
    if record.back or goal == "rollback":
        return _back(record, cause or Cause("a rollback is wanted", "requested"))
    facts = _facts(record)
    waits = left > FOREGROUND_SECONDS and not record.committed
    agreed = f"then both stay valid for {left:.0f} s, until --resume" if waits else "silence is no agreement"
    first = cause or Cause(f"it was left when it was {record.phase.value}", "interrupted")
    steps = (
        PrepareValue(**facts, rotator=record.rotator, grace=record.grace, cause=first),
        InstallValue(**facts, cause=Cause("both are valid before anybody uses the new one")),
        TestValue(**facts, cause=Cause("only what was proven is used")),
        MakeCurrent(**facts, services=tuple(services), cause=Cause("services read it again without a restart")),
        Converge(**facts, cause=Cause(agreed)),
        WaitGrace(**facts, seconds=left, grace=record.grace, cause=Cause("whoever still holds the old one")),
        DisableOld(**facts, cause=Cause("nobody uses it any more")),
        FinishRotation(**facts, cause=Cause("one value is valid")),
    )
    last = Phase.CONVERGED if waits else Phase.FINISHED
    return tuple(step for step in steps if reached(record.phase) < reached(step.reaches) <= reached(last))


def _back(record: Record, cause: Cause) -> tuple[RotationStep, ...]:
    if record.committed:
        raise Refused(
            f"{record.name} can't be rolled back: its old value is being disabled", "invoke secrets.rotate --resume"
        )
    facts = _facts(record)
    if record.phase is Phase.INTENT:
        return (DiscardMinted(**facts, cause=cause),)
    withdrawn = Cause("every replica uses the old one again")
    return (RestoreCurrent(**facts, cause=cause), WithdrawNew(**facts, cause=withdrawn))


def _facts(record: Record) -> dict[str, Any]:
    return {"rotation": record.rotation, "key": record.key, "member": record.member}


def reached(phase: Phase) -> int:
    """Return how far a phase is, to be compared with another one's."""
    return ORDER.index(phase)
