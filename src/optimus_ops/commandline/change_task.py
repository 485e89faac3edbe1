"""Tasks that change something: the flags that all of them have, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from optimus_ops.commandline.flag_types import Seconds
from optimus_ops.commandline.task_decorator import Body, task

CHANGE_HELP = {
    "plan": "print the plan and change nothing",
    "detailed-exitcode": "with --plan: exit code 10 if something would change, 0 if not",
    "json": "print one JSON document on standard output",
    "lock-wait": "seconds to wait while another change of the stack is under way",
    "report": "folder for a report of the plan and of what became of it: Markdown, a page, JSON",
}
FLAGS: Mapping[str, Any] = {"plan": False, "detailed_exitcode": False, "json": False, "lock_wait": "0", "report": ""}


def change_task(*, help: Mapping[str, str] | None = None, **options: Any) -> Callable[[Body], Any]:  # noqa: A002
    """Make a task of a function that takes `ChangeOptions` as its parameter `options`.

    The task has `--plan`, `--json`, `--lock-wait`, `--detailed-exitcode` and `--report` in its place, except those that
    it declares itself; other options are those of `task`.
    """

    def decorate(body: Body) -> Any:
        declared = inspect.signature(body).parameters
        flags = {name: default for name, default in FLAGS.items() if name not in declared}
        texts = {name: text for name, text in CHANGE_HELP.items() if name.replace("-", "_") in flags}

        @functools.wraps(body)
        def run(context: object, **given: Any) -> object:
            common = {name: given.pop(name, default) for name, default in flags.items()}
            return body(context, options=change_options(**common), **given)

        run.__signature__ = _signature(body, flags)  # type: ignore[attr-defined]  # what inspect.signature reads
        return task(help={**texts, **(help or {})}, **options)(run)

    return decorate


def change_options(*, plan: bool, json: bool, lock_wait: str, detailed_exitcode: bool, report: str = "") -> Any:
    """Return the `ChangeOptions` that the flags stand for."""
    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.errors import Refused

    if detailed_exitcode and not plan:
        raise Refused("--detailed-exitcode goes with --plan")
    seconds = Seconds().parse(lock_wait, "--lock-wait")
    return ChangeOptions(plan=plan, json=json, lock_wait=seconds, detailed_exitcode=detailed_exitcode, report=report)


def _signature(body: Callable[..., object], flags: Mapping[str, Any]) -> inspect.Signature:
    signature = inspect.signature(body)
    own = [parameter for name, parameter in signature.parameters.items() if name != "options"]
    variable = [parameter for parameter in own if parameter.kind is inspect.Parameter.VAR_KEYWORD]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default) for name, default in flags.items()
    ]
    plain = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) if index else parameter
        for index, parameter in enumerate(p for p in own if p not in variable)
    ]
    return signature.replace(parameters=[*plain, *common, *variable])
