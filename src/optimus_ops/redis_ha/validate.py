"""`invoke validate-redis`: every server and sentinel, a verdict per check and what to do."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from optimus_ops.console import Console
from optimus_ops.engine.observe import Docker
from optimus_ops.errors import OpsError
from optimus_ops.operations.session import print_json
from optimus_ops.project import load_project
from optimus_ops.redis_ha.containers import find_redis
from optimus_ops.redis_ha.judge import judge
from optimus_ops.redis_ha.logins import stack_logins
from optimus_ops.redis_ha.look import look_at_sentinels, look_at_stack, look_at_url, silent
from optimus_ops.redis_ha.render import document, table_text
from optimus_ops.redis_ha.target import parse_flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from optimus_ops.redis_ha.facts import Topology
    from optimus_ops.redis_ha.target import Flags, Target
    from optimus_ops.redis_ha.verdict import Check


def validate(flags: Flags, *, json: bool, try_rewrite: bool = False, root: Path | None = None) -> None:
    """Look, judge, print.

    Args:
        flags: what to look at.
        json: whether to print one JSON document.
        try_rewrite: whether servers and sentinels are told to rewrite their configuration files.
        root: the checkout; the current folder if not given.

    Raises:
        OpsError: a check failed, or there is no Redis to look at.
        Refused: the flags are malformed, or no sentinel knows the master's name.
        MachineLacks: no engine answers, where a stack is looked at.
    """
    target = parse_flags(flags)
    with Console.for_stream(sys.stderr).step("looking at Redis") as progress:

        def note(text: str) -> None:
            progress.note = text

        topology = look(target, root=root, rewrite=try_rewrite, note=note)
    checks = judge(topology)
    if json:
        print_json(document(topology, checks))
    else:
        console = Console.standard()
        columns = shutil.get_terminal_size().columns if console.live else None
        console.say(table_text(topology, checks, colour=console.colour, columns=columns))
    refuse_failed(checks)


def look(
    target: Target, *, root: Path | None = None, rewrite: bool = False, note: Callable[[str], None] = silent
) -> Topology:
    """Look at what was asked for.

    Args:
        target: what.
        root: the checkout; the current folder if not given.
        rewrite: whether rewriting configuration files is tried.
        note: told how far it is.
    """
    if target.url:
        return look_at_url(target, rewrite=rewrite, note=note)
    if target.sentinels:
        return look_at_sentinels(target, rewrite=rewrite, note=note)
    project = load_project(root)
    containers = find_redis(Docker.connect(), project.name)
    if not any(one.status == "running" for one in containers):
        raise OpsError(
            f"no Redis runs in {project.name}",
            "start the stack: invoke up; or name a server: --url redis://HOST:6379",
        )
    given = target.login
    login = stack_logins(project) if given is None else (lambda _container: given)
    return look_at_stack(project.name, containers, login, master=target.master, rewrite=rewrite, note=note)


def refuse_failed(checks: tuple[Check, ...]) -> None:
    """Raise `OpsError` if a check failed."""
    failed = [check for check in checks if check.verdict == "failed"]
    if failed:
        names = ", ".join(f"{check.subject} {check.name}" for check in failed)
        raise OpsError(f"{len(failed)} of {len(checks)} checks failed: {names}", "each line above says what to do")
