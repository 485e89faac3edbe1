"""`invoke redis.restore`: restore a backup; the data that it replaces is kept beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redis.exceptions import RedisError

from optimus_ops.change.history import History, read_history
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.project.settings import load_project
from optimus_ops.redis.containers import RedisContainer, choose_container, find_redis, named_container
from optimus_ops.redis.data_files import DataFiles, read_data_files, refuse_without_volume
from optimus_ops.redis.discovery import StackDeployment, stack_deployment
from optimus_ops.redis.manifest import Manifest, check_files, read_manifest
from optimus_ops.redis.model import Topology
from optimus_ops.redis.overridden_settings import LEFT_HALF_WAY
from optimus_ops.redis.restore_executor import RESTORE_FACTS, RestoreExecutor
from optimus_ops.redis.sentinel import monitored_masters
from optimus_ops.redis.steps import ActivateBackup, MoveDataAside, StageBackup, StartRedis, StopRedis, VerifyRestore


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """A backup and the server that it is for."""

    folder: str
    server: str = ""  # a service or container; "" for the one master
    snapshot: bool = False  # the snapshot, although there is an append-only file


def restore(request: RestoreRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Replace the data of the master, or of a single server, by a backup; it comes back if a step fails (`OpsError`).

    After a restore that was killed, the next one goes on where it stopped.

    Raises:
        Refused: the backup is damaged, or it isn't clear which server is meant; nothing was touched.
        MissingPrerequisite: no engine answers.
    """
    if not request.folder:
        raise Refused("which backup? name its folder: --from FOLDER (invoke redis.backup makes one)")
    project = load_project(root)
    deployment = stack_deployment(project)
    folder = Path(request.folder).absolute()
    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            manifest = read_manifest(folder)
            check_files(folder, manifest)
            containers = find_redis(deployment.engine, project.name)
            killed = killed_restore(read_history(project.state / "journal", project.name), containers)
            aside, group = killed or (
                aside_name(datetime.now(UTC)),
                group_of(containers, request.server, deployment.observe),
            )
            files = _data_files(deployment, group[-1])
            refuse_without_volume(group[-1], files)
        source = "aof" if manifest.aof and files.append_only and not request.snapshot else "snapshot"
        executor = RestoreExecutor(deployment, group, files, folder, manifest, aside, resumed=killed is not None)
        run.execute(plan_restore(project.name, group, manifest, folder, source, aside), executor)
        run.finish(executor.facts)


def killed_restore(
    history: History, containers: Sequence[RedisContainer]
) -> tuple[str, tuple[RedisContainer, ...]] | None:
    """Return the folder that keeps the data of before, and the group, of a restore that was killed; None without one.

    There is none if anything was changed since, or the master runs: then what is there now is data of its own.
    """
    latest = next(iter(history.changes), None)
    kept = latest.before.get(RESTORE_FACTS) if latest and latest.outcome in LEFT_HALF_WAY else None
    if not isinstance(kept, dict):
        return None
    named = {container.node.name: container for container in containers}
    group = tuple(named[name] for name in kept["group"] if name in named)
    whole = len(group) == len(kept["group"]) and group[-1].status not in {"running", "restarting"}
    return (str(kept["aside"]), group) if whole else None


def group_of(
    containers: Sequence[RedisContainer], server: str, observe: Callable[[], Topology]
) -> tuple[RedisContainer, ...]:
    """Return what of a stack's Redis has to stop for a restore, in that order: sentinels, replicas, the master last.

    Without sentinels nothing is observed if it is clear which server is meant: with damaged files it does not run.
    """
    if not containers:
        raise Refused("the stack has no Redis", "start it first: invoke up")
    sentinels = tuple(container for container in containers if container.role == "sentinel")
    state = [container for container in containers if container.role == "state"]
    named = named_container(containers, server) if server else None
    if not sentinels:
        only = state[0] if len(state) == 1 else None
        return (named or only or choose_container(containers, observe()),)
    master = _named_master(observe(), containers)
    if named and named is not master:
        raise Refused(
            f"the group's data is its master's ({master.node.name}): a restore replaces it everywhere",
            "leave --server out. A replica needs none: where its own files are damaged, it keeps them aside and copies"
            f" from the master at its next start (docker restart {named.name})",
        )
    return (*sentinels, *(container for container in state if container is not master), master)


def _named_master(topology: Topology, containers: Sequence[RedisContainer]) -> RedisContainer:
    watches = monitored_masters(topology.sentinels)
    named = {topology.addresses.canonical(watch.master.address).host for watch in watches}
    found = [container for container in containers if container.node.name in named]
    if len(named) != 1 or len(found) != 1:
        raise Refused(
            f"the sentinels name {len(named)} masters; one is wanted", "they must run: invoke up --sentinel; then again"
        )
    return found[0]


def _data_files(deployment: StackDeployment, container: RedisContainer) -> DataFiles:
    """Return where a server keeps its data; one that does not start any more has the usual places."""
    try:
        with deployment.server(container.node) as client:
            return read_data_files(client)
    except RedisError:
        return DataFiles()


def aside_name(now: datetime) -> str:
    """Return the name of the folder that keeps what is replaced."""
    return f"replaced-{now:%Y%m%dT%H%M%SZ}"


def plan_restore(
    project: str, group: Sequence[RedisContainer], manifest: Manifest, folder: Path, source: str, aside: str
) -> Plan:
    """Plan a restore of a group, its master last, from the backup's "aof" or "snapshot".

    Everything is checked before anything stops. Sentinels stop first, so that they don't promote a replica with the old
    data; replicas start last and empty, so that they copy the restored data. The old data is kept in a folder `aside`.
    """
    master = group[-1].node.name
    sentinels = tuple(container.node.name for container in group if container.role == "sentinel")
    replicas = tuple(container.node.name for container in group[:-1] if container.role != "sentinel")
    made = f"{manifest.keys} keys of {manifest.project} {manifest.server}, made {manifest.made_at}"
    keys = manifest.keys - manifest.expiring
    steps = (
        StageBackup(server=master, folder=str(folder), source=source, cause=Cause(made)),
        StopRedis(names=(*sentinels, *replicas, master), cause=Cause("data is replaced while nobody uses it")),
        MoveDataAside(servers=(*replicas, master), aside=aside, cause=Cause("it comes back if anything fails")),
        ActivateBackup(server=master, cause=Cause("from now on it is the data")),
        StartRedis(names=(*sentinels, master), cause=Cause("the master comes first, with the restored data")),
        *([StartRedis(names=replicas, cause=Cause("empty, they copy it from the master"))] if replicas else []),
        VerifyRestore(server=master, keys=keys, aside=aside, cause=Cause("the backup had that many keys")),
    )
    return Plan(project, "redis.restore", steps)
