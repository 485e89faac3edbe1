"""Carrying out the steps of rotations: look at what is there, act, verify, write down how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from optimus_ops.change.executor import Handler, StepExecutor
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.rotation import steps
from optimus_ops.rotation.files import SecretFiles
from optimus_ops.rotation.grace import wait_grace
from optimus_ops.rotation.model import Phase, ValuePair
from optimus_ops.rotation.plan import plan_rotation, reached
from optimus_ops.rotation.probing import WITHIN_SECONDS, Examiner
from optimus_ops.rotation.record import Record, RotationClock
from optimus_ops.rotation.records import RecordStore
from optimus_ops.rotation.replicas import Replicas
from optimus_ops.rotation.rotator import Rotator
from optimus_ops.secrets.pool import member_of
from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Progress

STEP_SECONDS = 900.0
"""A service that has to be replaced takes minutes."""


@dataclass
class RotationExecutor(StepExecutor):
    """Carries rotations out, one after the other; the one that fails is rolled back.

    Args:
        rotator: returns what rotates a key.
        values: returns the file of secrets as it is now.
        probe_seconds: for which a target may take to say what is wanted of it.
        force: an old value that is in use is disabled after its grace, too.
    """

    records: RecordStore
    rotator: Callable[[str], Rotator]
    files: SecretFiles
    replicas: Replicas
    clock: RotationClock
    values: Callable[[], Mapping[str, Secret]]
    probe_seconds: float = WITHIN_SECONDS
    force: bool = False
    _active: str = field(default="", init=False)
    _converged: set[str] = field(default_factory=set, init=False)
    """Rotations that this command led to their grace."""

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {
            steps.PrepareValue: self._prepare,
            steps.InstallValue: self._install,
            steps.TestValue: self._test,
            steps.MakeCurrent: self._make_current,
            steps.Converge: self._converge,
            steps.WaitGrace: self._wait_grace,
            steps.DisableOld: self._disable_old,
            steps.FinishRotation: self._finish,
            steps.DiscardMinted: self._discard,
            steps.RestoreCurrent: self._restore,
            steps.WithdrawNew: self._withdraw,
        }

    def longest(self, plan: Plan) -> float:
        """Return how many seconds a plan may take at most."""
        return sum(step.seconds if isinstance(step, steps.WaitGrace) else STEP_SECONDS for step in plan.steps)

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; where it fails, `undo` rolls its rotation back."""
        if isinstance(step, steps.RotationStep):
            self._active = step.rotation
        super().carry_out(step, progress)

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Roll the rotation back that failed, unless its old value is being disabled.

        One that was in its grace already when the command began stays there: whoever was given the new value uses it.

        Raises:
            OpsError: that is so, or it failed; the rotation goes on from there.
        """
        record = self.records.find(self._active) if self._active else None
        if record is None or record.phase.ended:
            return ()
        if record.committed:
            raise OpsError(
                f"{record.name}: its old value is being disabled, from where it only goes forward",
                "invoke secrets.rotate --resume",
            )
        if record.back:
            raise OpsError(f"{record.name} is not rolled back yet", "then: invoke secrets.rotate --rollback")
        if reached(record.phase) >= reached(Phase.CONVERGED) and record.rotation not in self._converged:
            return (f"nothing of {record.name}: both values stay valid (--resume, or --rollback)",)
        try:
            for step in plan_rotation(record, "rollback", left=0, cause=Cause("it failed")):
                self.carry_out(step, progress)
        except OpsError as error:
            raise OpsError(
                f"{record.name} is not rolled back: {error.message}", "then: invoke secrets.rotate --rollback"
            ) from error
        return (f"{record.name} rolled back: only its old value is valid",)

    # Forward

    def _prepare(self, step: steps.PrepareValue, _progress: Progress) -> None:
        record = self.records.find(step.rotation) or self._begin(step)
        old = self._value(record, "old")
        new = self.records.value(record.rotation, "new")
        if new is None:
            new = self.rotator(record.key).mint(record.key, record.rotation, old)
            if new == old:
                raise OpsError(f"{record.name}: the new value is the old one", "a rotation needs another one")
            # Durable before anything can come to depend on it, and before it is looked at any further.
            self.records.keep_value(record.rotation, "new", new)
        pair = self._pair(record)
        self.files.check(self.rotator(record.key).file_values(pair, current=new))
        self._reach(record, Phase.PENDING)

    def _begin(self, step: steps.PrepareValue) -> Record:
        old = member_of(self.values().get(step.key), step.member)
        if not old:
            raise Refused(f"{step.name} has no value", f"invoke secrets.set {step.key}")
        since, origin = self.files.age(step.key)
        record = Record(
            *(step.rotation, step.key, step.rotator, self.clock.wall(), step.grace),
            member=step.member,
            since=since,
            origin=origin,
        )
        self.records.keep_value(step.rotation, "old", old)
        self.records.save(record)
        return record

    def _install(self, step: steps.InstallValue, progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        examiner = self._examiner(rotator, pair)
        values = rotator.file_values(pair, current=pair.old)
        self.files.write(values, record.rotation)
        if any(pair.new.reveal() in value.reveal() for value in values.values()):
            self.replicas.converge(values, progress)
        # By now a replica that hangs, and answers nothing, is replaced.
        examiner.expect_valid(pair.old, "the value that is in use")
        rotator.install(pair)
        examiner.expect_valid(pair.new, "the new value")
        self._reach(record, Phase.INSTALLED)

    def _test(self, step: steps.TestValue, _progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        examiner = self._examiner(rotator, pair)
        examiner.expect_corrupted_invalid()
        examiner.expect_valid(pair.new, "the new value")
        examiner.expect_valid(pair.old, "the old value")
        self._reach(record, Phase.TESTED)

    def _make_current(self, step: steps.MakeCurrent, _progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        values = rotator.file_values(pair, current=pair.new)
        self.files.write(values, record.rotation, rotated=record.key)
        if not self.files.holds(values):
            raise OpsError(f"{record.name}: something else changed the files of secrets meanwhile", "then again")
        self._reach(record, Phase.CURRENT)

    def _converge(self, step: steps.Converge, progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        self.replicas.converge(rotator.file_values(pair, current=pair.new), progress)
        self._converged.add(record.rotation)
        self._reach(record.in_grace(self.clock), Phase.CONVERGED)

    def _wait_grace(self, step: steps.WaitGrace, progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        record = replace(record, grace=step.grace)

        def uses() -> str:
            return "" if self.force else rotator.old_uses(pair)

        waited = wait_grace(record, uses, self.records.save, self.clock, progress)
        if waited is not None:
            if self.force:
                progress.note = "it is over; whether something uses the old one is not asked"
            self._reach(waited, Phase.GRACE)

    def _disable_old(self, step: steps.DisableOld, progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        if reached(record.phase) < reached(Phase.GRACE):
            progress.note = "not yet: the old value is in use"
            return
        record = replace(record, committed=True)
        self.records.save(record)
        values = rotator.settled_values(pair, current=pair.new)
        self.files.write(values, record.rotation)
        self.replicas.converge(values, progress)
        rotator.disable(pair, pair.old)
        examiner = self._examiner(rotator, pair)
        examiner.expect_invalid(pair.old, "the old value")
        examiner.expect_valid(pair.new, "the new value")
        self.files.retire(record.key, pair.old)
        self._reach(record, Phase.DISABLED)

    def _finish(self, step: steps.FinishRotation, progress: Progress) -> None:
        record = self._record(step)
        if reached(record.phase) < reached(Phase.DISABLED):
            progress.note = "not yet"
            return
        self._end(record, Phase.FINISHED)

    # Back

    def _discard(self, step: steps.DiscardMinted, _progress: Progress) -> None:
        record = self._turn_back(step)
        self.rotator(record.key).discard(record.key, record.rotation, self._value(record, "old"))
        self._end(record, Phase.ROLLED_BACK)

    def _restore(self, step: steps.RestoreCurrent, progress: Progress) -> None:
        record = self._turn_back(step)
        _record, rotator, pair = self._open(step)
        if reached(record.phase) < reached(Phase.TESTED):
            progress.note = "it still is"
            return
        self._examiner(rotator, pair).expect_valid(pair.old, "the old value")
        values = rotator.file_values(pair, current=pair.old)
        self.files.write(values, record.rotation)
        self.files.put_back_age(record.key, record.since, record.origin)
        self.replicas.converge(values, progress, trust_started=True)

    def _withdraw(self, step: steps.WithdrawNew, progress: Progress) -> None:
        record, rotator, pair = self._open(step)
        values = rotator.settled_values(pair, current=pair.old)
        self.files.write(values, record.rotation)
        self.replicas.converge(values, progress, trust_started=True)
        rotator.disable(pair, pair.new)
        examiner = self._examiner(rotator, pair)
        examiner.expect_invalid(pair.new, "the new value")
        self.files.retire(record.key, pair.new)
        if reached(record.phase) > reached(Phase.PENDING):
            examiner.expect_valid(pair.old, "the old value")
        self._end(record, Phase.ROLLED_BACK)

    def _turn_back(self, step: steps.RotationStep) -> Record:
        record = replace(self._record(step), back=True)
        self.records.save(record)
        return record

    # Both

    def _record(self, step: steps.RotationStep) -> Record:
        record = self.records.find(step.rotation)
        if record is None:
            raise OpsError(f"{step.name}: its rotation is not known any more", "invoke secrets.rotate --status")
        return record

    def _open(self, step: steps.RotationStep) -> tuple[Record, Rotator, ValuePair]:
        record = self._record(step)
        return record, self.rotator(record.key), self._pair(record)

    def _pair(self, record: Record) -> ValuePair:
        old, new = self._value(record, "old"), self._value(record, "new")
        return ValuePair(record.key, record.rotation, old, new, record.member)

    def _value(self, record: Record, name: str) -> Secret:
        value = self.records.value(record.rotation, "old" if name == "old" else "new")
        if value is None:
            raise OpsError(f"{record.name}: the {name} value is missing beside its record")
        return value

    def _examiner(self, rotator: Rotator, pair: ValuePair) -> Examiner:
        return Examiner(rotator, pair, self.clock, self.probe_seconds)

    def _reach(self, record: Record, phase: Phase) -> None:
        if reached(record.phase) < reached(phase):
            self.records.save(replace(record, phase=phase))

    def _end(self, record: Record, phase: Phase) -> None:
        self.records.save(replace(record, phase=phase))
        self.records.forget(record)
