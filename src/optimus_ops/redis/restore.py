"""`invoke redis.restore`: a backup in the place of a server's data; what it replaces is kept beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.redis.containers import choose_container, find_redis, named_container
from optimus_ops.redis.data_files import DataFiles, read_data_files, refuse_without_volume
from optimus_ops.redis.discovery import stack_deployment
from optimus_ops.redis.manifest import check_files, read_manifest
from optimus_ops.redis.model import monitored_masters
from optimus_ops.redis.restore_executor import RestoreExecutor
from optimus_ops.redis.steps import ActivateBackup, MoveDataAside, StageBackup, StartRedis, StopRedis, VerifyRestore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.redis.manifest import Manifest
    from optimus_ops.redis.model import Topology


def restore(
    folder: str, options: ChangeOptions, *, server: str = "", snapshot: bool = False, root: Path | None = None
) -> None:
    """Put a backup in the place of the data of the master, or of a single server.

    Args:
        folder: the backup.
        options: --plan, --json, --lock-wait.
        server: a service or container; the one master if "".
        snapshot: whether the snapshot is taken although there is an append-only file.
        root: the checkout; the current folder if not given.

    Raises:
        OpsError: a step failed; the old data is back in its place.
        Refused: the backup is damaged, or it isn't clear which server is meant; nothing was touched.
        MachineLacks: no engine answers.
    """
    if not folder:
        raise Refused("which backup? name its folder: --from FOLDER (invoke redis.backup makes one)")
    project = load_project(root)
    place = stack_deployment(project)
    backup = Path(folder).absolute()

    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            manifest = read_manifest(backup)
            check_files(backup, manifest)
            group = find_group(place, server)
            files = _data_files(place, group[-1])
            refuse_without_volume(group[-1], files)
            source = "aof" if manifest.aof and files.append_only and not snapshot else "snapshot"
            executor = RestoreExecutor(place, group, files, backup, manifest)
            plan = plan_restore(project.name, group, manifest, backup, source, aside_name(datetime.now(UTC)))
        run.execute(plan, executor)
        run.finish(executor.outcome())


def find_group(place: StackDeployment, server: str) -> tuple[RedisContainer, ...]:
    """Return what has to stop for a restore, in the order in which it does: sentinels, replicas, and the master last.

    Raises:
        Refused: there is no Redis, or the sentinels don't agree who is the master.
    """
    containers = find_redis(place.docker, place.project)
    if not containers:
        raise Refused(f"there is no Redis in {place.project}", "start the stack first: invoke up")
    return group_of(containers, server, place.observe)


def group_of(
    containers: Sequence[RedisContainer], server: str, look: Callable[[], Topology]
) -> tuple[RedisContainer, ...]:
    """Return what of a stack's Redis has to stop; see `find_group`.

    Args:
        containers: the stack's.
        server: a service or container; the master if "".
        look: observes them. Without sentinels a server is not asked if it is clear which one is meant: one whose files
            are damaged does not run.
    """
    sentinels = tuple(one for one in containers if one.role == "sentinel")
    named = named_container(containers, server) if server else None
    if not sentinels:
        holding = [one for one in containers if one.role == "state"]
        only = holding[0] if len(holding) == 1 else None
        return (named or only or choose_container(containers, look(), ""),)
    master = _named_master(look(), containers)
    if named and named is not master:
        raise Refused(
            f"the group's data is its master's ({master.node.name}): a restore replaces it everywhere",
            "leave --server out. A replica needs none: where its own files are damaged, it keeps them aside and copies"
            f" from the master at its next start (docker restart {named.name})",
        )
    replicas = tuple(one for one in containers if one.role == "state" and one is not master)
    return (*sentinels, *replicas, master)


def _named_master(topology: Topology, containers: Sequence[RedisContainer]) -> RedisContainer:
    named = {topology.addresses.canonical(watch.master.address).host for watch in monitored_masters(topology.sentinels)}
    found = [one for one in containers if one.node.name in named]
    if len(named) != 1 or len(found) != 1:
        raise Refused(
            f"the sentinels name {len(named)} masters; one is wanted", "they must run: invoke up --sentinel; then again"
        )
    return found[0]


def _data_files(place: StackDeployment, container: RedisContainer) -> DataFiles:
    """Return where a server keeps its data; one that does not start any more has it where the others have."""
    try:
        with place.server(container.node) as client:
            return read_data_files(client)
    except RedisError:
        return DataFiles()


def aside_name(now: datetime) -> str:
    """Return the name of the folder that keeps what is replaced."""
    return f"replaced-{now:%Y%m%dT%H%M%SZ}"


def plan_restore(
    project: str, group: Sequence[RedisContainer], manifest: Manifest, folder: Path, source: str, aside: str
) -> Plan:
    """Plan a restore.

    Everything is checked before anything stops. Sentinels stop first, so that they don't put a replica with the old
    data in the master's place; replicas start last and empty, so that they copy the restored data.

    Args:
        project: the stack.
        group: sentinels, replicas, and the master last.
        manifest: of the backup.
        folder: where it is.
        source: "aof" or "snapshot".
        aside: name of the folder that keeps what is replaced.
    """
    master = group[-1].node.name
    sentinels = tuple(one.node.name for one in group if one.role == "sentinel")
    replicas = tuple(one.node.name for one in group[:-1] if one.role != "sentinel")
    made = f"{manifest.keys} keys of {manifest.project} {manifest.server}, made {manifest.made_at}"
    steps = [
        StageBackup(server=master, folder=str(folder), source=source, cause=Cause(made)),
        StopRedis(names=(*sentinels, *replicas, master), cause=Cause("data is replaced while nobody uses it")),
        MoveDataAside(servers=(*replicas, master), aside=aside, cause=Cause("it comes back if anything fails")),
        ActivateBackup(server=master, cause=Cause("from now on it is the data")),
        StartRedis(names=(*sentinels, master), cause=Cause("the master comes first, with the restored data")),
        *([StartRedis(names=replicas, cause=Cause("empty, they copy it from the master"))] if replicas else []),
        VerifyRestore(
            server=master,
            keys=manifest.keys - manifest.expiring,
            aside=aside,
            cause=Cause("the backup had that many keys"),
        ),
    ]
    return Plan(project, "redis.restore", tuple(steps))
