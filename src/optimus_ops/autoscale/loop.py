"""`invoke autoscale`: read, decide, act, tick by tick, until its time is over or somebody ends it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from optimus_ops.autoscale.act import Action, observe_limits
from optimus_ops.autoscale.clamp import check_bounds
from optimus_ops.autoscale.config import AutoscaleConfig
from optimus_ops.autoscale.heartbeat import NO_HEARTBEAT, Heartbeat
from optimus_ops.autoscale.lines import decision_json, tick_line
from optimus_ops.autoscale.model import History
from optimus_ops.autoscale.scrape import read_replicas
from optimus_ops.autoscale.signals import Readings
from optimus_ops.autoscale.start_times import StartTimes
from optimus_ops.autoscale.tick import OWN_RULE, TICK_SECONDS, DecisionRule, Tick, decide_all, held
from optimus_ops.change.lock import stack_lock
from optimus_ops.errors import OpsError, Refused
from optimus_ops.model.budgets import Limits
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.stack.context import StackContext
from optimus_ops.system.command_line import command
from optimus_ops.system.signals import handled_by
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

LIMITS_SECONDS = 30.0
"""For which the budgets are taken as they were: asking the database is a process of its own."""
PAUSE_SECONDS = 30.0
"""After a change that failed: what it failed by is seldom gone at once."""
PATIENCE_SECONDS = 60.0
"""That a tick may take on a loaded host before it counts as stuck."""
CHANGE_SECONDS = 1800.0
"""That a change may take, in which replicas start or drain."""
KEPT_CHANGES = 1000


@dataclass
class Autoscaler:
    """The loop's state: what was read last, the histories, and what was changed."""

    context: StackContext
    stack: Stack
    config: AutoscaleConfig
    scale: Callable[[Mapping[str, int]], Action]
    recover: Callable[[], Action | None] = lambda: None
    read: Callable[[Iterable[Replica], Clock], Readings] = read_replicas
    clock: Clock = SYSTEM_CLOCK
    rule: DecisionRule = OWN_RULE
    heartbeat: Heartbeat = NO_HEARTBEAT
    readings: Readings | None = None
    histories: Mapping[str, History] = field(default_factory=dict)
    start_times: StartTimes = field(default_factory=StartTimes)
    changes: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=KEPT_CHANGES))
    ticks: int = 0
    last: Tick | None = None
    _limits: tuple[float, Limits | None] = (float("-inf"), None)
    _paused_until: float = float("-inf")
    _ended: bool = False

    def run(self, *, once: bool, seconds: float) -> None:
        """Tick until the time is over or a signal came; with `once`, read twice and act at most once."""
        with self._alone():
            self._check()
            self._recover()
            until = self.clock.monotonic() + seconds
            while not self._ended:
                due = self.clock.monotonic() + self.rule.interval
                self.heartbeat.expect(self.rule.interval + PATIENCE_SECONDS)
                with handled_by(lambda _number, _frame: self._end()):
                    tick = self._decide()
                    # The first reading has no rates.
                    first = self.ticks == 1
                    if not (once and first):
                        self.context.console.say(tick_line(tick, time.strftime("%H:%M:%S")))
                if not self._ended:
                    due = max(due, self._act(tick))
                if (once and not first) or self.clock.monotonic() >= until:
                    return
                with handled_by(lambda _number, _frame: self._end()):
                    self._sleep_until(due)

    def _end(self) -> None:
        self._ended = True

    def _sleep_until(self, due: float) -> None:
        while not self._ended and (left := due - self.clock.monotonic()) > 0:
            self.clock.sleep(min(left, 0.2))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no second autoscaler follow the same stack: each would take the other's changes for a person's."""
        project = self.context.project
        if self.context.options.plan:
            yield
            return
        with stack_lock(project.state / "locks", f"{project.name}-autoscale", command()):
            yield

    def _check(self) -> None:
        """Refuse services that the stack doesn't have, and bounds that the budgets can't bear."""
        for settings in self.config.services:
            service = self.stack.services.get(settings.service)
            if service is None or not service.scalable:
                known = ", ".join(self.stack.scalable)
                place = self.config.places[settings.service]
                raise Refused(f"{place}: {settings.service} is no service that can be scaled", f"scalable: {known}")
        limits = self._observe_limits(self._observe())
        if limits is not None:
            check_bounds(self.config.services, limits, self.config.places)

    def _recover(self) -> None:
        """Take back what an autoscaler before this one left half-way; one that shows plans changes nothing."""
        if not self.context.options.plan:
            self.heartbeat.expect(CHANGE_SECONDS)
            if action := self.recover():
                self._tell(action)

    def _observe(self) -> State:
        return self.context.docker.observe(self.context.project.name)

    def _decide(self) -> Tick:
        state = self._observe()
        now = self._read(state)
        limits = self._observe_limits(state)
        settings = tuple(map(self.start_times.applied, self.config.services))
        config = replace(self.config, services=settings)
        tick = decide_all(config, state, (self.readings, now), self.histories, limits, self.rule)
        self.ticks += 1
        self.readings, self.histories, self.last = now, tick.histories, tick
        return held(tick, "the last change failed") if now.at < self._paused_until else tick

    def _read(self, state: State) -> Readings:
        # The queue's own depth is told by whoever looks at it, scaled or not.
        ready = [replica for replica in state.replicas if replica.ready and replica.service in self.stack.scalable]
        return self.read(ready, self.clock)

    def _observe_limits(self, state: State) -> Limits | None:
        at, limits = self._limits
        if self.clock.monotonic() - at > LIMITS_SECONDS or limits is None:
            self._limits = (self.clock.monotonic(), observe_limits(self.context, self.stack, state))
        return self._limits[1]

    def _act(self, tick: Tick) -> float:
        """Make the change that the tick leads to, and return when there are rates to decide by again."""
        if not (counts := tick.changes):
            return float("-inf")
        self.heartbeat.expect(CHANGE_SECONDS)
        began = self.clock.monotonic()
        action = self.scale(counts)
        seconds = self.clock.monotonic() - began
        self._note(tick, action, seconds)
        self._tell(action)
        # Rates over all of the change's time would hide how the load grew meanwhile.
        self.readings = self._read(self._observe())
        return self.readings.at + TICK_SECONDS

    def _tell(self, action: Action) -> None:
        """Say what became of a change that was not made as decided, and pause after one that failed."""
        if action.outcome == "failed":
            self._paused_until = self.clock.monotonic() + PAUSE_SECONDS
            self.context.console.say(f"! not scaled: {action.reason}")
        elif action.outcome != "done":
            self.context.console.say(f"  {action.outcome}: {action.reason}")

    def _note(self, tick: Tick, action: Action, seconds: float) -> None:
        if action.outcome == "done":
            self.start_times = self.start_times.noting(tick.growing, seconds)
        self.changes.append(
            {"at": round(tick.at, 3), "counts": tick.changes, "seconds": round(seconds, 3), **_action(action)}
        )

    def document(self) -> dict[str, object]:
        """Return what was done as a JSON document."""
        decisions = self.last.decisions if self.last else ()
        return {
            "result": "planned" if self.context.options.plan else "done",
            "ticks": self.ticks,
            "decisions": [decision_json(found) for found in decisions],
            "changes": list(self.changes),
        }

    def check_outcome(self) -> None:
        """Raise where the last change failed."""
        if self.changes and self.changes[-1]["outcome"] == "failed":
            raise OpsError(f"not scaled: {self.changes[-1]['reason']}")


def _action(action: Action) -> dict[str, object]:
    return {"outcome": action.outcome, "reason": action.reason}
