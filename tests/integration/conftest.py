"""A stack of its own for the integration tests: own project name, free ports, own state; nothing is left behind.

Several workers run at the same time (`pytest-xdist --dist=loadgroup`). Tests that share a stack are a group and stay on
one worker, which has ports and subnets of its own.
"""

from __future__ import annotations

import fcntl
import io
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.integration.derived import Images, derived_images, need_originals
from tests.integration.platform import Platform, copied_checkout, local_image, remove_everything

SHARED_STACKS = ("rolling", "platform")
"""Fixtures of this file that tests of several modules share."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a stack on one worker; before xdist reads the groups."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(stack_of(item)))


def stack_of(item: pytest.Item) -> str:
    """Return the name of the stack that a test shares: one for several modules, or its module's own, or none."""
    fixtures = getattr(item, "fixturenames", ())
    module = item.path.stem
    if item.get_closest_marker("faults"):
        return module
    shared = next((name for name in SHARED_STACKS if name in fixtures), module)
    return item.nodeid if "fresh" in fixtures and shared == module else shared


@pytest.fixture(scope="session", autouse=True)
def current_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the images that are not there or not current, once, whichever worker comes first."""
    # The folder that the workers of a session share; without workers, that of all sessions.
    with (tmp_path_factory.getbasetemp().parent / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
    name = "optimus-it/broken:test"
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
