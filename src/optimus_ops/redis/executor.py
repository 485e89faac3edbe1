"""Base of the executors of changes to Redis: errors name the step, and settings left overridden are put back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from optimus_ops.change.executor import Handler, StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Plan, Step
from optimus_ops.redis.client import FAILURES, reason
from optimus_ops.redis.discovery import Deployment
from optimus_ops.redis.overridden_settings import Override, current_value, journalled
from optimus_ops.redis.steps import RestoreSetting
from optimus_ops.text.console import Progress

STATE_HINT = "how the group is now: invoke validate-redis"

Reached = TypeVar("Reached", bound=Deployment)


@dataclass
class RedisExecutor(StepExecutor, Generic[Reached]):
    """Carries steps out on servers and their files."""

    deployment: Reached
    _: KW_ONLY
    overrides: tuple[Override, ...] = ()  # that the plan's steps make for a while
    left: tuple[Override, ...] = ()  # that a change which was cut short left behind
    facts: dict[str, Any] = field(default_factory=dict)  # what came of it, for the JSON document

    seconds: ClassVar[float]
    """That a plan may take at most, an undo not counted."""

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {RestoreSetting: self._put_back_settings}

    def begin(self) -> Mapping[str, Any]:
        """Note the usual settings; what was left overridden is put back in any case."""
        for override in self.left:
            self.on_undo(override.text, partial(override.put_back, self.deployment.server))
        return journalled((*self.left, *self.overrides))

    def applied(self, step: Step) -> bool:
        """Tell whether a setting has its usual value already."""
        if not isinstance(step, RestoreSetting):
            return False
        override = next(it for it in self.left if it.step == step)
        return current_value(override, self.deployment.server) == override.usual

    def _put_back_settings(self, _step: RestoreSetting, _progress: Progress) -> None:
        self.undo_stack.unwind()

    def longest(self, plan: Plan) -> float:  # noqa: ARG002 - whatever the steps are
        """Return how many seconds a plan may take at most."""
        return self.seconds

    def translated(self, step: Step) -> contextlib.AbstractContextManager[None]:
        """Return a context in which errors of Redis and of files are those of a step."""
        return _naming(step.text)

    def on_undo(self, text: str, action: Callable[[], object]) -> None:
        """Add what takes a step back; its errors are reported, and do not stop the others."""

        def undo() -> None:
            with _naming("Redis"):
                action()

        self.undo_stack.push(text, undo)


@contextlib.contextmanager
def _naming(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise OpsError(f"{what}: {cause}", f"look at {error.filename}" if error.filename else STATE_HINT) from error
    except FAILURES as error:
        raise OpsError(f"{what}: {reason(error)}", STATE_HINT) from error
