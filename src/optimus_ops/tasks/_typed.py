"""Invoke's `@task`, typed, with the library's errors turned into one message and an exit code."""

from __future__ import annotations

import functools
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType

    from invoke.parser.argument import Argument

Body = TypeVar("Body", bound="Callable[..., object]")


class RepeatableTask(Task):  # type: ignore[type-arg]
    """A task whose arguments can be read more than once: Invoke empties `help` while it reads them."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments of the signature, and keep their help."""
        kept = dict(self.help)
        try:
            return super().get_arguments(ignore_unknown_help)
        finally:
            self.help = kept


def task(
    *,
    name: str | None = None,
    help: Mapping[str, str] | None = None,  # noqa: A002 - Invoke's own word
    iterable: Iterable[str] = (),
    optional: Iterable[str] = (),
    positional: Iterable[str] = (),
    klass: Callable[..., Any] = RepeatableTask,
) -> Callable[[Body], Any]:
    """Make an Invoke task of a function whose errors end as one message and the documented exit code.

    Args:
        name: the task's name where it isn't the function's.
        help: a line for each parameter.
        iterable: parameters that may be given several times.
        optional: parameters whose flag may stand without a value.
        positional: parameters that are given without a flag.
        klass: makes the task.
    """

    def decorate(body: Body) -> Any:
        return invoke_task(
            guarded(body),
            klass=klass,
            name=name,
            help=dict(help or {}),
            iterable=list(iterable),
            optional=list(optional),
            positional=list(positional),
            auto_shortflags=False,
        )

    return decorate


def guarded(body: Body) -> Body:
    """Wrap a task's body: errors of the library become `Exit`, SIGTERM becomes an interruption."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> object:
        from optimus_ops.errors import Interrupted, OpsError, WouldChange

        def interrupt(number: int, _frame: FrameType | None) -> None:
            raise Interrupted(number)

        signal.signal(signal.SIGTERM, interrupt)
        try:
            return body(*args, **kwargs)
        except KeyboardInterrupt as error:
            code = error.exit_code if isinstance(error, Interrupted) else 128 + signal.SIGINT
            raise Exit("\ninterrupted: stopped on request", code=code) from None
        except BrokenPipeError:
            # The reader went away (`| head`): nothing more can be said, and Python must not try at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=0) from None
        except WouldChange as planned:
            raise Exit(code=planned.exit_code) from None
        except OpsError as error:
            raise Exit(f"{error.word}: {error}", code=error.exit_code) from None

    return run  # type: ignore[return-value]  # functools.wraps keeps the signature that Invoke reads
