"""The model of `invoke status`: one row per service, made of what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from optimus_ops.checks.model import StatusLine
from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import Store
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State, short_id
from optimus_ops.plan.differences import Difference
from optimus_ops.project.settings import Project
from optimus_ops.status.usage import Usage, total


@dataclass(frozen=True, slots=True)
class StatusContext:
    """What a subsystem's lines may be made of."""

    project: Project
    state: State
    engine: Engine


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """A project as it was observed at one time. Keys of mappings are ids of containers where nothing else is said.

    Args:
        images: image name -> id of the image that now has that name.
        current: image name -> whether it is made of the sources as they are now, for images that are built here.
        notes: what could not be observed, for people.
        last_lines: of containers that ended.
    """

    state: State
    stack: Stack | None
    usage: Mapping[str, Usage]
    stores: Mapping[str, Store]
    images: Mapping[str, str]
    current: Mapping[str, bool]
    now: datetime
    old_workers: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    last_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leftovers: Leftovers = field(default_factory=Leftovers)
    differences: tuple[Difference, ...] = ()
    reports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[StatusLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One service.

    Args:
        ready: replicas that run and pass their health check; for a job, 1 when it ended well.
        wanted: replicas that there should be; for a job, its containers: one that is gone may have done its work.
        image_ids: short ids of what really runs.
        stale: running replicas whose image is older than the one that has its name now.
        outdated: whether the image is older than the sources it is built of.
        ages: seconds since the youngest and the oldest replica started.
    """

    service: str
    kind: Literal["replicas", "job"]
    ready: int
    wanted: int
    image: str
    image_ids: tuple[str, ...]
    stale: int
    outdated: bool
    ages: tuple[float, float] | None
    usage: Usage
    stores: Mapping[str, Store]
    problems: tuple[str, ...]
    replicas: tuple[tuple[Replica, Usage], ...] = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether everything that is wanted is ready."""
        return self.ready >= self.wanted


def make_rows(snapshot: StatusSnapshot) -> tuple[Row, ...]:
    """Return a row for each service of the stack and of what runs, the stack's order first."""
    wanted = tuple(snapshot.stack.services) if snapshot.stack else ()
    running = sorted({replica.service for replica in snapshot.state.replicas})
    return tuple(_row(name, snapshot) for name in dict.fromkeys([*wanted, *running]))


def _row(name: str, snapshot: StatusSnapshot) -> Row:
    replicas = snapshot.state.of(name)
    service = snapshot.stack.services.get(name) if snapshot.stack else None
    job = snapshot.stack is not None and name in snapshot.stack.jobs
    used = tuple((replica, snapshot.usage.get(replica.id, Usage())) for replica in replicas)
    running = [replica for replica in replicas if replica.running]
    done = sum(replica.status == "exited" and replica.exit_code == 0 for replica in replicas)
    ages = [(snapshot.now - replica.started_at).total_seconds() for replica in running if replica.started_at]
    image = replicas[0].image if replicas else (service.image if service else "")
    return Row(
        service=name,
        kind="job" if job else "replicas",
        ready=done if job else sum(replica.ready for replica in replicas),
        wanted=len(replicas) or (service.default_replicas if service and not job else 0),
        image=image,
        image_ids=tuple(dict.fromkeys(short_id(replica.image_id) for replica in replicas)),
        stale=sum(snapshot.images.get(replica.image, replica.image_id) != replica.image_id for replica in running),
        outdated=not snapshot.current.get(image, True),
        ages=(min(ages), max(ages)) if ages else None,
        usage=total([usage for replica, usage in used if replica.running]),
        stores={replica.name: snapshot.stores[replica.id] for replica in replicas if replica.id in snapshot.stores},
        problems=tuple(text for replica, usage in used if (text := problem(replica, usage, job=job))),
        replicas=used,
    )


def problem(replica: Replica, usage: Usage, *, job: bool) -> str | None:
    """Return what is wrong with a replica in a few words; None if nothing is."""
    if not replica.condition or (job and replica.ended_well):
        return None
    memory = ", out of memory" if usage.limits.out_of_memory else ""
    return f"{replica.name} {replica.condition}{memory}"
