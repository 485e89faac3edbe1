"""A stack of its own for the integration tests: own project name, free ports, own state; nothing is left behind.

Several workers run at the same time (pytest-xdist), each with ports and subnets of its own (scheduling.py).
"""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.integration.derived import Images, derived_images, need_originals
from tests.integration.platform import Platform, copied_checkout, local_image, remove_everything
from tests.integration.scheduling import StackScheduling, order, recorded_seconds
from tests.support.leftovers import NAME, remove_ended_sessions, remove_images, remove_session

HASTY = {"DRAIN_DELAY": "1"}
"""Of stacks to which nobody sends requests while replicas leave; the usual delay is that of `rolling`, in seconds."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> StackScheduling:
    """Give xdist our scheduler."""
    return StackScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes longest come first."""
    first = order([item.nodeid for item in items], recorded_seconds())
    places = {nodeid: place for place, nodeid in enumerate(first)}
    items.sort(key=lambda item: places[item.nodeid])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what workers left that were killed, as upon Ctrl-C."""
    if not hasattr(session.config, "workerinput"):
        remove_session(docker.from_env().api)


@pytest.fixture(scope="session", autouse=True)
def current_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the images that are not there or not current, once, whichever worker comes first."""
    own = tmp_path_factory.getbasetemp()
    # The folder of a worker is in one that the workers of a session share.
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / "images.txt").open("a") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        if os.fstat(done.fileno()).st_size:
            return
        remove_ended_sessions(docker.from_env().api)
        need_originals()
        done.write("current\n")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what a stack is made of, which no test edits."""
    return copied_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def platform(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack with two ai-engine replicas, shared by the tests of a session."""
    made = Platform.fresh(tmp_path_factory.mktemp("platform"), "shared", checkout).having(**HASTY)
    try:
        made.invoke("scale", "--ai-engine", "2").check()
        yield made
    finally:
        remove_everything(made.project)


@pytest.fixture
def fresh(checkout: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Return a project in which nothing runs yet."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**8}"
    made = Platform.fresh(tmp_path, name, checkout).having(**HASTY)
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
    # With those of `rolling` it may be gone already: of one session they have one beginning.
    remove_images(engine.api, name)


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """Return versions of the services to deploy."""
    with derived_images() as made:
        yield made


@pytest.fixture(scope="session")
def rolling(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack of its own checkout and images, for tests that deploy; each leaves version v1 behind."""
    root = copied_checkout(tmp_path_factory.mktemp("edited"))
    made = Platform.fresh(tmp_path_factory.mktemp("rolling"), "rolling", root).having(**images.environ)
    try:
        made.invoke("scale", "--ai-engine", "1").check()
        yield made
    finally:
        remove_everything(made.project)
