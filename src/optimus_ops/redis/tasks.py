"""`invoke validate-redis` and `invoke redis.*`: Redis that survives its master."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from invoke.collection import Collection

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.engine.service_names import ServiceNames

RunCount = Annotated[int, Count(most=1000, noun="a number of runs is a whole number", hint=None)]

TARGET_HELP = {
    "sentinel": "HOST:PORT of a sentinel outside of Compose (may be given several times)",
    "master": "the name by which sentinels know the master",
    "user": "ACL user to log in as (default: the default user)",
    "password-file": "file that holds the password (default: the operator's secrets, for the stack)",
    "sentinel-user": "ACL user to log in as at sentinels, where it is another one",
    "sentinel-password-file": "file that holds the sentinels' password, where it is another one",
    "tls": "reach them over TLS: all (default), servers or sentinels; in --url, rediss:// says so",
    "ca-file": "certificates (PEM) of those who may vouch for servers and sentinels (default: the machine's)",
    "cert-file": "certificate (PEM) to show, where they want one",
    "key-file": "its key (PEM)",
    "check-hostname": "certificates must be for the address that is asked",
}


def _spelt(tls: str | bool) -> str:
    """Return the value of a flag that may stand without one."""
    return "all" if tls is True else str(tls or "")


@task(
    name="validate",
    iterable=["sentinel"],
    optional=["tls"],
    help={
        "url": "redis(s)://HOST:PORT of a server outside of Compose",
        **TARGET_HELP,
        "role": "what the server of --url is for: state or cache",
        "try-rewrite": "have servers and sentinels rewrite their configuration files, to see whether they can",
        "json": "print one JSON document on standard output",
    },
)
def validate(
    _: Context,
    sentinel: list[str],
    url: str = "",
    master: str = "",
    user: str = "",
    password_file: str = "",
    sentinel_user: str = "",
    sentinel_password_file: str = "",
    tls: str | bool = "",
    ca_file: str = "",
    cert_file: str = "",
    key_file: str = "",
    check_hostname: bool = True,
    role: str = "",
    try_rewrite: bool = False,
    json: bool = False,
) -> None:
    """Check Redis servers and sentinels: memory, latency, persistence, replication, quorum; a verdict per check."""
    from optimus_ops.redis.target import Flags
    from optimus_ops.redis.validate import validate as examine

    own = (sentinel_user, sentinel_password_file, _spelt(tls), ca_file, cert_file, key_file, check_hostname)
    flags = Flags(url, tuple(sentinel), master, user, password_file, role, *own)
    examine(flags, json=json, try_rewrite=try_rewrite)


@change_task(
    iterable=["sentinel"],
    optional=["tls"],
    help={
        "to": "the server that is to be master (default: sentinels choose)",
        "force": "even though checks fail",
        **TARGET_HELP,
    },
)
def failover(
    _: Context,
    options: ChangeOptions,
    sentinel: list[str],
    to: str = "",
    force: bool = False,
    master: str = "",
    user: str = "",
    password_file: str = "",
    sentinel_user: str = "",
    sentinel_password_file: str = "",
    tls: str | bool = "",
    ca_file: str = "",
    cert_file: str = "",
    key_file: str = "",
    check_hostname: bool = True,
) -> None:
    """Hand the master's part to a replica: checks first, holds writes meanwhile, proves it afterwards."""
    from optimus_ops.redis.failover import failover as change
    from optimus_ops.redis.target import Flags

    own = (sentinel_user, sentinel_password_file, _spelt(tls), ca_file, cert_file, key_file, check_hostname)
    flags = Flags("", tuple(sentinel), master, user, password_file, "", *own)
    change(flags, options, to=to, force=force)


SERVER_HELP = {"server": "the server's service or container (default: the one master)"}


@change_task(
    help={
        "to": "a new folder (default: in .optimus/backups)",
        **SERVER_HELP,
    }
)
def backup(
    _: Context,
    options: ChangeOptions,
    to: str = "",
    server: str = "",
) -> None:
    """Copy a server's snapshot and append-only file to a new folder, checked and with their sums."""
    from optimus_ops.redis.backup import backup as change

    change(options, to=to, server=server)


@change_task(
    help={
        "from": "the folder of a backup",
        **SERVER_HELP,
        "snapshot": "take the snapshot, though there is an append-only file in the backup",
    }
)
def restore(
    _: Context,
    options: ChangeOptions,
    from_: str = "",
    server: str = "",
    snapshot: bool = False,
) -> None:
    """Put a backup in the place of the data: checked before anything stops, undone if anything fails."""
    from optimus_ops.redis.restore import restore as change

    change(from_, options, server=server, snapshot=snapshot)


@change_task(
    iterable=["fault"],
    help={
        "fault": "fault to inject (repeatable; default: all of them)",
        "runs": "number of runs of each fault",
        "report": "folder for the report: HTML with pictures, Markdown, JSON",
    },
)
def drill(
    _: Context,
    options: ChangeOptions,
    fault: list[str],
    runs: RunCount = 1,
    report: str = "",
) -> None:
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
