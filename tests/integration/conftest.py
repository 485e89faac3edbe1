"""A stack of its own for the integration tests: own project name, free ports, own state; nothing is left behind.

Several workers run at the same time (pytest-xdist). Modules that share a stack stay on one worker, which has ports and
subnets of its own.
"""

from __future__ import annotations

import fcntl
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.derived import Images, derived_images, need_originals
from tests.integration.platform import ROOT, Platform, copied_checkout, local_image, remove_everything
from tests.support.leftovers import NAME, remove_ended_sessions, remove_session
from xdist.scheduler import LoadScopeScheduling

SHARED_STACKS = ("rolling", "platform")
"""Fixtures of this file that tests of several modules share."""


class StackScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps modules that share a stack on one worker.

    xdist's own `--dist=loadgroup` writes the group into the ids of tests, which pytest 9.2 has elsewhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        source = (ROOT / path).read_text("utf-8")
        return next((name for name in SHARED_STACKS if re.search(rf"\b{name}: Platform\b", source)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StackScheduling:
    """Give xdist our scheduler."""
    return StackScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what workers left that were killed, as upon Ctrl-C."""
    if not hasattr(session.config, "workerinput"):
        remove_session(docker.from_env().api)


@pytest.fixture(scope="session", autouse=True)
def current_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the images that are not there or not current, once, whichever worker comes first."""
    # The folder that the workers of a session share; without workers, that of all sessions.
    with (tmp_path_factory.getbasetemp().parent / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_ended_sessions(docker.from_env().api)
        need_originals()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack with two ai-engine replicas, shared by the tests of a session."""
    made = Platform.fresh(tmp_path_factory.mktemp("platform"), "shared")
    try:
        made.invoke("scale", "--ai-engine", "2").check()
        yield made
    finally:
        remove_everything(made.project)


@pytest.fixture
def fresh(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Return a project in which nothing runs yet."""
    made = Platform.fresh(tmp_path, f"t{abs(hash(request.node.nodeid)) % 10**8}")
    try:
        yield made
    finally:
        remove_everything(made.project)


@pytest.fixture(scope="session")
def broken_image(platform: Platform) -> Iterator[str]:
    """Return an image that ends at once with a message and exit code 7; made of one that the running stack has."""
    assert platform.containers()
    name = f"{NAME}/broken:test"
    engine = docker.from_env()
    base = local_image("ai-engine")
    recipe = f'FROM {base}\nCMD ["sh", "-c", "echo relation does not exist, said the migration; exit 7"]\n'
    engine.images.build(fileobj=io.BytesIO(recipe.encode()), tag=name, rm=True)
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """Return versions of the services to deploy."""
    with derived_images() as made:
        yield made


@pytest.fixture(scope="session")
def rolling(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack of its own checkout and images, for tests that deploy; each leaves version v1 behind."""
    root = copied_checkout(tmp_path_factory.mktemp("checkout"))
    made = Platform.fresh(tmp_path_factory.mktemp("rolling"), "rolling", root).having(**images.environ)
    try:
        made.invoke("scale", "--ai-engine", "1").check()
        yield made
    finally:
        remove_everything(made.project)
