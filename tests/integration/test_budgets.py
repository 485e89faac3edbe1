"""Budgets against a real PostgreSQL and a real host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from tests.integration.platform import Platform
from tests.unit.stacks import with_environment

from optimus_ops.engine.capacity import observe_capacity
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import Capacity
from optimus_ops.model.budgets import Limits, check_budgets
from optimus_ops.model.pool_sizing import fit_pool
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import load_project

pytestmark = pytest.mark.integration

SECONDS = 60


def wanted(platform: Platform) -> Stack:
    project = load_project(platform.root, platform.environ)
    return DockerCompose(project, project.files()).stack()


def capacity(platform: Platform) -> Capacity:
    engine = DockerEngine.connect()
    return observe_capacity(engine, wanted(platform), engine.observe(platform.project))


def sql(platform: Platform, statement: str) -> str:
    ran = platform.compose("exec", "-T", "postgres", "psql", "-U", "optimus", "-d", "optimus", "-Atc", statement)
    return ran.check().out.strip()


@contextmanager
def stranger(platform: Platform) -> Iterator[None]:
    """Hold one connection from a container that is none of the stack's."""
    api = docker.from_env()
    [database] = platform.replicas("postgres").values()
    container = api.containers.run(
        api.containers.get(database).image.id,
        # It waits for statements: in the midst of one, the server would not notice that its client is gone.
        ["sh", "-c", "sleep 600 | psql -h postgres -U optimus -d optimus"],
        entrypoint="",
        environment={"PGPASSWORD": platform.secret("POSTGRES_PASSWORD")},
        name=f"{platform.project}-stranger",
        network=f"{platform.project}_stores",
        detach=True,
    )
    try:
        yield
    finally:
        container.remove(force=True, v=True)


def others(platform: Platform, expected: int) -> int:
    """Return the connections of others, once they are as many as expected."""
    deadline = time.monotonic() + SECONDS
    while (found := capacity(platform).other_connections) != expected and time.monotonic() < deadline:
        time.sleep(0.3)
    return found


def test_the_running_database_says_how_many_connections_it_takes(platform: Platform) -> None:
    found = capacity(platform)
    assert found.max_connections == int(sql(platform, "SHOW max_connections"))
    reserved = ("superuser_reserved_connections", "reserved_connections")
    assert found.reserved_connections == sum(int(sql(platform, f"SHOW {name}")) for name in reserved)


def test_the_engine_says_what_its_host_has(platform: Platform) -> None:
    info = docker.from_env().info()
    found = capacity(platform)
    assert (found.memory, found.cpus) == (info["MemTotal"], info["NCPU"])


def test_only_strangers_are_counted_as_others(platform: Platform) -> None:
    held = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'memory-engine@%'"
    assert int(sql(platform, held)) > 0
    assert capacity(platform).other_connections == 0
    with stranger(platform):
        assert others(platform, 1) == 1
    assert others(platform, 0) == 0


def test_four_replicas_of_ai_engine_and_a_surge_fit_on_two_cores(platform: Platform) -> None:
    stack = wanted(platform)
    peak = {**dict.fromkeys(stack.services, 1), "ai-engine": 5}
    host = Capacity(capacity(platform).max_connections, 3, memory=4 * 1024**3, cpus=2.0)
    check_budgets(stack, peak, host, requested={"ai-engine": 4}, surge={"ai-engine": 1})


def test_the_stack_is_refused_one_replica_above_what_fits_until_its_pools_are_cut(platform: Platform) -> None:
    stack, found = wanted(platform), capacity(platform)
    roomy = Capacity(found.max_connections, found.reserved_connections, 2**50, 4096.0, found.other_connections)
    peak = dict.fromkeys(stack.services, 1)
    most = Limits(stack, roomy).largest(peak, "memory-engine")
    assert most
    check_budgets(stack, {**peak, "memory-engine": most}, roomy, requested={"memory-engine": most})

    more = {**peak, "memory-engine": most + 1}
    with pytest.raises(Refused, match=f"max_connections of postgres +{found.max_connections}"):
        check_budgets(stack, more, roomy, requested={"memory-engine": most + 1})
    cut = with_environment(stack, fit_pool(stack, more, roomy))
    check_budgets(cut, more, roomy, requested={"memory-engine": most + 1})


def test_nothing_is_known_of_a_database_that_does_not_run(fresh: Platform) -> None:
    assert capacity(fresh).max_connections is None
