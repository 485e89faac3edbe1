"""`invoke redis.backup`: the files of a server, as it would read them itself, checked and with their checksums."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.redis.backup_executor import REWRITE, BackupExecutor
from optimus_ops.redis.client import FAILURES
from optimus_ops.redis.containers import choose_container
from optimus_ops.redis.data_files import DataFiles, read_data_files, refuse_without_volume
from optimus_ops.redis.discovery import StackDeployment, stack_deployment
from optimus_ops.redis.error_causes import explain
from optimus_ops.redis.model import Server
from optimus_ops.redis.nodes import NotPermitted
from optimus_ops.redis.overridden_settings import Override, left_overridden, override
from optimus_ops.redis.steps import CheckBackup, CopyDataFiles, FinalizeBackup, Snapshot
from optimus_ops.text.units import size


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """A server and the folder of its backup."""

    to: str = ""  # "" for one of the state folder's `backups`
    server: str = ""  # a service or container; "" for the one master


def backup(request: BackupRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Copy the data of a server to a new folder, of which nothing is left if a step fails (`OpsError`).

    Raises:
        Refused: the folder already exists, or it isn't clear which server is meant.
        MissingPrerequisite: no engine answers, or there is no room.
    """
    project = load_project(root)
    deployment = stack_deployment(project)
    folder = Path(request.to).absolute() if request.to else default_folder(project.state, project.name)
    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            topology = deployment.observe()
            container = choose_container(deployment.containers(), topology, request.server)
            server = next(server for server in topology.servers if server.node.name == container.node.name)
            files, rewrites = _observe_files(deployment, server)
            refuse_without_volume(container, files)
            refuse_folder(folder)
            refuse_full(folder, server)
            left = left_overridden(project.state / "journal", topology, deployment.server)
        held = (override(server, REWRITE, rewrites, "0", left),) if files.parted else ()
        executor = BackupExecutor(deployment, container, files, folder, overrides=held, left=left)
        run.execute(plan_backup(project.name, server.node.name, folder, files, left), executor)
        run.finish(executor.facts)


def _observe_files(deployment: StackDeployment, server: Server) -> tuple[DataFiles, str]:
    """Return the names of a server's files, and at which growth it rewrites its append-only file."""
    name = server.node.name
    if server.unreachable_reason:
        hint = "invoke validate-redis says what to do"
        raise Refused(f"{name} does not answer: {server.unreachable_reason}", hint)
    try:
        with deployment.server(server.node) as client:
            return read_data_files(client), str(client.config_get(REWRITE).get(REWRITE, ""))
    except FAILURES as error:
        cause = explain(error)
        raise Refused(f"{name} does not tell of its files: {cause.reason}", cause.hint) from error


def plan_backup(project: str, server: str, folder: Path, files: DataFiles, left: tuple[Override, ...] = ()) -> Plan:
    """Plan the backup of a server of a stack; settings that were left overridden are put back first."""
    both = "a snapshot is one moment, the append-only file goes on to now"
    steps = (
        *(override.step for override in left),
        Snapshot(server=server, cause=Cause(both if files.parted else "it is all that the server keeps")),
        CopyDataFiles(server=server, folder=str(folder), cause=Cause(f"to {folder}")),
        CheckBackup(server=server, folder=str(folder), cause=Cause("a backup that can't be read is none")),
        FinalizeBackup(folder=str(folder), cause=Cause("what changes later will be noticed")),
    )
    return Plan(project, "redis.backup", steps)


def default_folder(state: Path, project: str, now: datetime | None = None) -> Path:
    """Return the folder of a backup that is made now."""
    return state / "backups" / f"{project}-redis-{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def refuse_folder(folder: Path) -> None:
    """Raise `Refused` for a folder that already exists, or can't be made."""
    if folder.is_symlink() or folder.exists():
        raise Refused(f"{folder} already exists", "name a new folder: --to FOLDER")
    blocking = next((parent for parent in folder.parents if parent.exists()), folder)
    if not blocking.is_dir():
        raise Refused(f"{blocking} is not a folder", "name another one: --to FOLDER")


def refuse_full(folder: Path, server: Server) -> None:
    """Raise `MissingPrerequisite` where there is no room for a snapshot and the append-only file."""
    if isinstance(server.info, NotPermitted):
        return
    # A snapshot is smaller than what it is made of in memory.
    needed = server.count("used_memory") + server.count("aof_current_size")
    there = next(parent for parent in folder.parents if parent.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise MissingPrerequisite(
            f"{there} has {size(free)} free, {size(needed)} are needed", "name another one: --to FOLDER"
        )
