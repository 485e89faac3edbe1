"""`invoke validate-redis` and `invoke redis.*`: Redis high availability."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Annotated, Any

from invoke.collection import Collection

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task
from optimus_ops.redis.target_flags import target_flags, task_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.engine.service_names import ServiceNames

RunCount = Annotated[int, Count(most=1000, noun="a number of runs is a whole number", hint=None)]

SERVER_HELP = {"server": "the server's service or container (default: the one master)"}


@task(
    name="validate",
    **task_options(
        one_server=True,
        try_rewrite="have servers and sentinels rewrite their configuration files, to see whether they can",
        json="print one JSON document on standard output",
    ),
)
@functools.partial(target_flags, one_server=True)
def validate(_: Context, *, flags: Mapping[str, Any], try_rewrite: bool = False, json: bool = False) -> None:
    """Check Redis servers and sentinels: memory, latency, persistence, replication, quorum; a verdict per check."""
    from optimus_ops.redis import validate as command
    from optimus_ops.redis.target import Flags

    command.validate(Flags(**flags), json=json, try_rewrite=try_rewrite)


@change_task(
    **task_options(to="the server that is to be master (default: sentinels choose)", force="even though checks fail")
)
@target_flags
def failover(
    _: Context, *, options: ChangeOptions, flags: Mapping[str, Any], to: str = "", force: bool = False
) -> None:
    """Planned failover to a replica, without data loss: checks first, holds writes meanwhile, proves it afterwards."""
    from optimus_ops.redis import failover as command
    from optimus_ops.redis.target import Flags

    command.failover(command.FailoverRequest(Flags(**flags), to, force), options)


@change_task(help={"to": "a new folder (default: in .optimus/backups)", **SERVER_HELP})
def backup(_: Context, options: ChangeOptions, to: str = "", server: str = "") -> None:
    """Back up a server's snapshot and append-only file to a new folder, checked and with their checksums."""
    from optimus_ops.redis import backup as command

    command.backup(command.BackupRequest(to, server), options)


@change_task(
    help={
        "from": "the folder of a backup",
        **SERVER_HELP,
        "snapshot": "take the snapshot, though there is an append-only file in the backup",
    }
)
def restore(_: Context, options: ChangeOptions, from_: str = "", server: str = "", snapshot: bool = False) -> None:
    """Restore a backup (verified first, rolled back on failure)."""
    from optimus_ops.redis import restore as command

    command.restore(command.RestoreRequest(from_, server, snapshot), options)


@change_task(
    iterable=["fault"],
    help={
        "fault": "fault to inject (repeatable; default: all of them)",
        "runs": "number of runs of each fault",
        "report": "folder for the report: HTML with pictures, Markdown, JSON",
    },
)
def drill(_: Context, options: ChangeOptions, fault: list[str], runs: RunCount = 1, report: str = "") -> None:
    """Inject faults into Redis under load, and report what they cost: outage, losses, duplicates, elections."""
    from optimus_ops.redis.drill.drill import DrillRequest
    from optimus_ops.redis.drill.drill import drill as change

    change(DrillRequest.parse(fault, runs, report), options)


def _faults() -> Sequence[str]:
    from optimus_ops.redis.drill.faults import FAULTS

    return tuple(fault.name for fault in FAULTS)


completions = {"--fault": _faults}


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the collection `redis`, and `validate-redis` beside it."""
    namespace.add_task(validate, name="validate-redis")
    namespace.add_collection(Collection.from_module(sys.modules[__name__], name="redis"))
