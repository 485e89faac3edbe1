"""`invoke redis.backup`: the files of a server, as it would read them itself, checked and with their sums."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import MachineLacks, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.redis.backup_executor import BackupExecutor
from optimus_ops.redis.client import FAILURES, reason
from optimus_ops.redis.containers import choose_container
from optimus_ops.redis.data_files import DataFiles, read_data_files, refuse_without_volume
from optimus_ops.redis.discovery import stack_deployment
from optimus_ops.redis.error_causes import explain
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.steps import CheckBackup, CopyDataFiles, FinalizeBackup, Snapshot
from optimus_ops.redis.values import count_of
from optimus_ops.text.units import size

if TYPE_CHECKING:
    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.redis.model import Server


def backup(options: ChangeOptions, *, to: str = "", server: str = "", root: Path | None = None) -> None:
    """Copy the data of the master, or of the server that is named, to a new folder.

    Args:
        options: --plan, --json, --lock-wait.
        to: the folder; one of the state folder's `backups` if "".
        server: a service or container; the one master if "".
        root: the checkout; the current folder if not given.

    Raises:
        OpsError: a step failed; no folder is left.
        Refused: the folder is there already, or it isn't clear which server is meant.
        MachineLacks: no engine answers, or there is no room.
    """
    project = load_project(root)
    place = stack_deployment(project)
    folder = Path(to).absolute() if to else default_folder(project.state, project.name, datetime.now(UTC))

    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            containers = place.containers()
            topology = place.observe()
            container = choose_container(containers, topology, server)
            seen = next(one for one in topology.servers if one.node.name == container.node.name)
            if seen.unreachable_reason:
                raise Refused(
                    f"{seen.node.name} does not answer: {seen.unreachable_reason}",
                    "invoke validate-redis says what to do",
                )
            try:
                with place.server(seen.node) as client:
                    files = read_data_files(client)
            except FAILURES as error:
                raise Refused(
                    f"{seen.node.name} does not tell of its files: {reason(error)}", explain(error).hint
                ) from error
            refuse_without_volume(container, files)
            refuse_folder(folder)
            refuse_full(folder, seen)
            executor = BackupExecutor(place, container, files, folder)
            plan = plan_backup(project.name, seen.node.name, folder, files)
        run.execute(plan, executor)
        run.finish(executor.outcome())


def plan_backup(project: str, server: str, folder: Path, files: DataFiles) -> Plan:
    """Plan a backup.

    Args:
        project: the stack.
        server: the server's name.
        folder: the new folder.
        files: what the server keeps.
    """
    parted = files.append_only and files.aof_folder
    both = "a snapshot is one moment, the append-only file goes on to now"
    return Plan(
        project,
        "redis.backup",
        (
            Snapshot(server=server, cause=Cause(both if parted else "it is all that the server keeps")),
            CopyDataFiles(server=server, folder=str(folder), cause=Cause(f"to {folder}")),
            CheckBackup(server=server, folder=str(folder), cause=Cause("a backup that can't be read is none")),
            FinalizeBackup(folder=str(folder), cause=Cause("what changes later will be noticed")),
        ),
    )


def default_folder(state: Path, project: str, now: datetime) -> Path:
    """Return where a backup goes if no folder is named."""
    return state / "backups" / f"{project}-redis-{now:%Y%m%dT%H%M%SZ}"


def refuse_folder(folder: Path) -> None:
    """Refuse a folder that is there: a backup never overwrites.

    Raises:
        Refused: something is there already, or its parent can't be a folder.
    """
    if folder.is_symlink() or folder.exists():
        raise Refused(f"{folder} is there already", "name a new folder: --to FOLDER")
    blocking = next((one for one in folder.parents if one.exists()), folder)
    if not blocking.is_dir():
        raise Refused(f"{blocking} is not a folder", "name another one: --to FOLDER")


def refuse_full(folder: Path, server: Server) -> None:
    """Refuse to begin where there is no room for a snapshot and the append-only file.

    Raises:
        MachineLacks: there is less room than both take.
    """
    if isinstance(server.info, NotPermitted):
        return
    # A snapshot is smaller than what it is made of in memory.
    needed = count_of(server.info, "used_memory") + count_of(server.info, "aof_current_size")
    there = next(one for one in folder.parents if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise MachineLacks(f"{there} has {size(free)} free, {size(needed)} are needed", "name another one: --to FOLDER")
