"""Faults injected into a change: signals, the death of the process, the engine gone, a container that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from unittest.mock import patch

from optimus_ops.rollout.executor import StackExecutor

if TYPE_CHECKING:
    from tests.fakes.host import Call
    from tests.fakes.shop import Shop

    from optimus_ops.plan.step import Step

Kind = Literal["SIGINT", "SIGTERM", "SIGKILL", "engine gone", "container died"]
Moment = Literal["before", "amid", "after"]
KINDS: tuple[Kind, ...] = ("SIGINT", "SIGTERM", "SIGKILL", "engine gone", "container died")
MOMENTS: tuple[Moment, ...] = ("before", "amid", "after")
MUTATIONS = {"create", "start", "stop", "remove", "tag", "untag", "unpause", "pause", "remove_network", "run_job"}


class Killed(BaseException):
    """The process was killed: nothing handles that."""


@dataclass
class Fault:
    """One fault in one step of a change.

    Args:
        number: of the step, from 1.
        moment: before it; amid its work, after its first change on the engine; after it.
        service: whose newest container dies, unless it is the `victim` (id).
        gone_seconds: until the engine comes back.
    """

    kind: Kind
    number: int
    moment: Moment
    shop: Shop
    service: str = ""
    victim: str = ""
    gone_seconds: float = 5.0
    watch: Callable[[], None] = lambda: None
    struck: bool = False
    dead: bool = False
    died: str = ""
    step: Step | None = None
    _count: int = 0
    _inside: bool = field(default=False)

    @contextmanager
    def injected(self) -> Iterator[None]:
        """Inject it into the change that is carried out meanwhile."""
        self.shop.engine.hook = self.hook
        carry_out = StackExecutor.carry_out

        def carrying_out(executor: StackExecutor, step: Step, progress: Any) -> None:
            self._count += 1
            here = self._count == self.number and not self.struck
            if here:
                self.step = step
                if self.moment == "before":
                    self.strike()
                self._inside = self.moment == "amid"
            carry_out(executor, step, progress)
            if here and not self.struck:
                # Also amid a step that changes nothing on the engine.
                self.strike()
            self._inside = False

        try:
            with patch.object(StackExecutor, "carry_out", carrying_out):
                yield
        finally:
            self.shop.engine.hook = None
            self.shop.process_ends()

    def hook(self, call: Call) -> None:
        """Strike amid a step; let a dead process do nothing more."""
        if self.dead:
            raise Killed
        if call.phase == "before":
            return
        self.watch()
        if self._inside and call.name in MUTATIONS:
            self._inside = False
            self.strike()

    def strike(self) -> None:
        """Let it happen."""
        self.struck = True
        if self.kind in {"SIGINT", "SIGTERM"}:
            os.kill(os.getpid(), signal.Signals[self.kind])
        elif self.kind == "SIGKILL":
            self.dead = True
            raise Killed
        elif self.kind == "engine gone":
            engine = self.shop.engine
            engine.gone = True
            engine.clock.alarms[engine.clock.now + self.gone_seconds] = self._return
        else:
            running = [found for found in self.shop.engine.containers.values() if found.status == "running"]
            own = [found for found in running if found.service == self.service and self.victim in {"", found.id}]
            for found in own[-1:]:
                found.end(137)
                self.died = found.id

    def _return(self) -> None:
        self.shop.engine.gone = False
