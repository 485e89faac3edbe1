"""Invoke's `@task`, typed, with the library's errors turned into one message and an exit code."""

from __future__ import annotations

import contextlib
import functools
import inspect
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any, TextIO, TypeVar, cast

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from optimus_ops.commandline.flag_types import flag_types, parsed

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

    `iterable` parameters may be given several times, `optional` flags may stand without a value, `positional`
    parameters are given without a flag; `klass` makes the task.
    """

    def decorate(body: Body) -> Any:
        return invoke_task(
            guarded(_parsing(body)),
            klass=klass,
            name=name,
            help=dict(help or {}),
            iterable=list(iterable),
            optional=list(optional),
            positional=list(positional),
            auto_shortflags=False,
        )

    return decorate


def _parsing(body: Body) -> Body:
    """Wrap a task's body: texts become values of the types that its annotations say."""
    types = flag_types(inspect.unwrap(body))
    if not types:
        return body

    @functools.wraps(body)
    def run(context: object, *words: object, **given: Any) -> object:
        return body(context, *words, **parsed(types, given))

    signature = inspect.signature(body)
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what inspect.signature reads
        parameters=[_as_text(made) if name in types else made for name, made in signature.parameters.items()]
    )
    return run  # type: ignore[return-value]  # functools.wraps keeps what callers see


def _as_text(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter whose default is a text, so that Invoke takes any text for it."""
    default = parameter.default
    return (
        parameter
        if default is None
        else parameter.replace(default=f"{default:g}" if isinstance(default, float | int) else default)
    )


def guarded(body: Body) -> Body:
    """Wrap a task's body: whatever it ends with becomes one message and the documented exit code."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> object:
        from optimus_ops.commandline.failure import exit_of, interrupted, os_failure
        from optimus_ops.errors import Interrupted, OpsError, WouldChange
        from optimus_ops.system.output_masking import OUTPUT

        def interrupt(number: int, _frame: FrameType | None) -> None:
            raise Interrupted(number)

        signal.signal(signal.SIGTERM, interrupt)
        OUTPUT.start()
        with _watched_output() as output:

            def ending(error: OpsError | Interrupted) -> Exit:
                return exit_of(error, as_json=kwargs.get("json") is True and not output.written)

            try:
                result = body(*args, **kwargs)
                sys.stdout.flush()
                _raise_what_was_not_shown()
                return result
            except KeyboardInterrupt as error:
                raise ending(interrupted(error)) from None
            except Exit:
                raise
            except BrokenPipeError:
                # Nobody reads any more (`| head`).
                raise Exit(code=0) from None
            except WouldChange as planned:
                raise Exit(code=planned.exit_code) from None
            except OpsError as error:
                raise ending(error) from None
            except OSError as error:
                raise ending(os_failure(error)) from None

    return run  # type: ignore[return-value]  # functools.wraps keeps the signature that Invoke reads


def _raise_what_was_not_shown() -> None:
    """Raise why standard output took no more, where what was under way went on all the same."""
    failure: Exit | None = getattr(sys.stdout, "failure", None)
    if failure is not None:
        raise failure


class _Watched:
    """Standard output that knows whether anything was written to it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.written = False

    def write(self, text: str) -> int:
        self.written = True
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def _watched_output() -> Iterator[_Watched]:
    """Watch standard output: a task that printed its JSON document prints none for its error."""
    watched = _Watched(sys.stdout)
    with contextlib.redirect_stdout(cast("TextIO", watched)):
        yield watched
