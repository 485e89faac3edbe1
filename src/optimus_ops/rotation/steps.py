"""Steps of a rotation. Each looks at what is there first, so that it can be done again after it was cut off."""

from __future__ import annotations

from typing import ClassVar

from optimus_ops.plan.step import Step, step
from optimus_ops.rotation.model import Phase
from optimus_ops.rotation.record import name_of


@step("rotation", "rotate {name}")
class RotationStep(Step):
    """A step of one rotation, and the phase that it leads to."""

    reaches: ClassVar[Phase] = Phase.INTENT
    rotation: str
    key: str
    member: int | None = None

    @property
    def name(self) -> str:
        """The key as people read it."""
        return name_of(self.key, self.member)


@step("prepare-value", "make a new value of {name}, and keep it safe")
class PrepareValue(RotationStep):
    """Begin a rotation: its record and both values are on the disk before anything else changes."""

    reaches: ClassVar[Phase] = Phase.PENDING
    rotator: str
    grace: float


@step("install-value", "have the new value of {name} accepted beside the old one")
class InstallValue(RotationStep):
    """Bring the new value to whoever accepts it."""

    reaches: ClassVar[Phase] = Phase.INSTALLED


@step("test-value", "test {name}: new and old value are valid, a corrupted one is not")
class TestValue(RotationStep):
    """Prove the new value, with a negative control."""

    reaches: ClassVar[Phase] = Phase.TESTED


@step("make-current", "make the new value of {name} the current one{_readers}")
class MakeCurrent(RotationStep):
    """Write the file of secrets and the services' files."""

    reaches: ClassVar[Phase] = Phase.CURRENT
    services: tuple[str, ...] = ()

    @property
    def _readers(self) -> str:
        return f", also for {', '.join(self.services)}" if self.services else ""


@step("converge", "wait until every replica uses the new value of {name}")
class Converge(RotationStep):
    """Ask every replica what it uses."""

    reaches: ClassVar[Phase] = Phase.CONVERGED


@step("wait-grace", "keep both values of {name} valid for {seconds:.0f} s")
class WaitGrace(RotationStep):
    """Wait for whoever holds the old value."""

    reaches: ClassVar[Phase] = Phase.GRACE
    seconds: float
    grace: float
    """All of it, of which so many `seconds` are left."""


@step("disable-old", "disable the old value of {name}", final=True)
class DisableOld(RotationStep):
    """Have the old value refused; from here on there is no way back."""

    reaches: ClassVar[Phase] = Phase.DISABLED


@step("finish-rotation", "forget the old value of {name}", final=True)
class FinishRotation(RotationStep):
    """Remove what was kept of the rotation."""

    reaches: ClassVar[Phase] = Phase.FINISHED


@step("discard-minted", "discard what was begun for {name}", final=True)
class DiscardMinted(RotationStep):
    """Roll back a rotation that has no new value yet."""

    reaches: ClassVar[Phase] = Phase.ROLLED_BACK


@step("restore-current", "make the old value of {name} the current one again", final=True)
class RestoreCurrent(RotationStep):
    """Roll back: every replica uses the old value again, while both are valid."""


@step("withdraw-new", "withdraw the new value of {name}", final=True)
class WithdrawNew(RotationStep):
    """Roll back: the new value is refused."""

    reaches: ClassVar[Phase] = Phase.ROLLED_BACK
