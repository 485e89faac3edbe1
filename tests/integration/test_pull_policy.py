"""Tags that move in a registry: seen before a plan is made, and never amid it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import Platform, local_image, remove_everything
from tests.integration.registry import Registry, running_registry
from tests.support.leftovers import NAME, remove_images

COMPOSE = """
services:
  web:
    image: ${WEB_IMAGE}
    pull_policy: ${POLICY:-always}
    init: true
    labels: {com.optimus.scalable: "true"}
"""

# As little as runs: what a push has to pack is what such a test takes.
SMALL = """
FROM {base} AS whole
USER root
RUN mkdir /small && for file in $(ldd /bin/sleep | grep -o '/[^ ]*') /bin/sleep; do cp --parents -L $file /small; done
FROM scratch
COPY --from=whole /small /
CMD ["/bin/sleep", "3600"]
LABEL version={version}
"""


@dataclass(frozen=True)
class Store:
    """A project whose one image comes from a registry."""

    platform: Platform
    registry: Registry

    @property
    def image(self) -> str:
        """Return the name of its image, which moves."""
        return f"{self.registry.address}/{NAME}/web:1"

    def push(self, version: str) -> str:
        """Let the tag stand for a version in the registry, and for what it was on this machine; return its id."""
        api = docker.from_env().api
        before = [found["Id"] for found in api.images(name=self.image)]
        recipe = SMALL.format(base=local_image("ai-engine"), version=version).encode()
        for line in api.build(fileobj=io.BytesIO(recipe), tag=self.image, rm=True, decode=True):
            assert "error" not in line, line
        image = str(api.inspect_image(self.image)["Id"])
        for line in api.push(self.image, stream=True, decode=True):
            assert "error" not in line, line
        api.remove_image(self.image, force=True)
        for former in before:
            api.tag(former, *self.image.rsplit(":", 1))
        return image

    def running(self) -> list[str]:
        """Return the ids of the images that the running replicas have."""
        api = docker.from_env().api
        return [str(api.inspect_container(found)["Image"]) for found in self.platform.replicas("web").values()]

    def plan(self, *words: str, **environ: str) -> Any:
        """Return the plan of a task."""
        return self.platform.invoke(*words, "--plan", "--json", **environ).check().json["plan"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a project in which nothing runs yet."""
    root = tmp_path / "shop"
    (root / "compose").mkdir(parents=True)
    (root / "tasks.py").write_text("from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    (root / "compose" / "docker-compose.yml").write_text(COMPOSE)
    with running_registry() as registry:
        made = Store(Platform.fresh(tmp_path, "store", root), registry)
        made = Store(made.platform.having(WEB_IMAGE=made.image), registry)
        try:
            yield made
        finally:
            remove_everything(made.platform.project)
            remove_images(docker.from_env().api, registry.address)


def test_a_tag_that_moved_is_deployed_and_rolled_back_whatever_the_policy(store: Store) -> None:
    first = store.push("1")
    store.platform.invoke("up").check()
    assert store.plan("deploy", "web")["steps"] == []
    second = store.push("2")

    # What is started beside what runs is what runs, and nobody is asked.
    store.registry.asked = 0
    store.platform.invoke("scale", "--web", "2").check()
    assert store.running() == [first, first]
    assert store.registry.asked == 0

    causes = {step["cause"] for step in store.plan("deploy", "web")["steps"] if step["step"] == "stop"}
    assert [cause.partition(" is ")[0] for cause in causes] == [f"web: {store.image}"]
    assert store.plan("deploy", "web", POLICY="missing")["steps"] == []
    assert store.plan("deploy", "web", "--no-pull")["steps"] == []
    assert store.plan("deploy", "web", "--pull", POLICY="missing")["steps"] != []

    store.platform.invoke("deploy", "web", "--observe", "0").check()
    assert store.running() == [second, second]
    assert store.plan("deploy", "web")["steps"] == []

    store.registry.asked = 0
    store.platform.invoke("rollback", "web").check()
    assert store.running() == [first, first]
    store.platform.invoke("scale", "--web", "3").check()
    assert store.running() == [first, first, first]
    assert store.registry.asked == 0


def test_a_registry_that_is_gone_is_one_message_and_a_stack_still_starts(store: Store) -> None:
    first = store.push("1")
    store.platform.invoke("up").check()
    store.platform.invoke("down").check()
    store.registry.shutdown()
    store.registry.server_close()
    told = store.platform.invoke("up").check().out
    assert f"what {store.image} stands for now could not be asked" in told
    assert "what is on this machine is started" in told
    assert store.running() == [first]
    refused = store.platform.invoke("deploy", "web")
    assert refused.code == 1
    assert f"failed: what {store.image} stands for now could not be asked" in refused.text
    assert "--no-pull" in refused.text
    assert store.platform.invoke("deploy", "web", "--no-pull", "--json").check().json["result"] == "nothing to do"
