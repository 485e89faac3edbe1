"""Base of the executors of changes to Redis: errors of Redis and of files name the step, also while it is undone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Plan, Step
from optimus_ops.redis.client import FAILURES, reason

STATE_HINT = "how the group is now: invoke validate-redis"


class RedisExecutor(StepExecutor):
    """Carries steps out on servers and their files.

    Attributes:
        seconds: that a plan may take at most, an undo not counted.
        facts: what came of it, for the JSON document.
    """

    seconds: float
    facts: dict[str, Any]

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
