"""What `invoke secrets.rotate` is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.rotation.plan import Goal


@dataclass(frozen=True, slots=True)
class RotateRequest:
    """One request: new rotations of some keys, or going on with those under way.

    Args:
        keys: none: those that are due are offered at a terminal; with `resume` and `rollback`, all under way.
        all_due: every key that is older than it may be and has a rotator; what is in grace goes on as well.
        member: which key of a pool, from 1; 0 for each of them, one after the other.
        grace: seconds for which both values stay valid; None: as long as the rotator says.
        force: the old value is disabled after the grace although something still uses it.
        yes: nobody is asked.
    """

    keys: tuple[str, ...] = ()
    all_due: bool = False
    resume: bool = False
    rollback: bool = False
    member: int = 0
    grace: float | None = None
    force: bool = False
    yes: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        chosen = [f"--{name}" for name in ("all-due", "resume", "rollback") if getattr(self, name.replace("-", "_"))]
        if len(chosen) > 1:
            raise Refused(f"{' and '.join(chosen)} exclude each other")
        if self.force and self.rollback:
            raise Refused("--force is about disabling the old value, to which --rollback goes back")
        if self.all_due and self.keys:
            raise Refused("--all-due goes with no key: it takes all that are due")
        if self.member and (len(self.keys) != 1 or self.resume or self.rollback):
            raise Refused("--member goes with the one key whose pool it is of")

    @property
    def goal(self) -> Goal:
        """Where rotations under way are led."""
        return "rollback" if self.rollback else "finish"

    @property
    def begins(self) -> bool:
        """Whether new rotations are wanted."""
        return not (self.resume or self.rollback)
