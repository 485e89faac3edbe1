"""Images by the adapter of the Docker engine, against answers of its API."""

from __future__ import annotations

import io
import tarfile
import time

import pytest
from tests.fakes.engine_api import EngineApi, Reply, refusal
from tests.unit.engine.archives import packed

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.errors import EngineRefused, RegistryFailed, TooLarge


def test_only_images_that_are_there_are_found(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /images/web:1/json", Reply({"Id": "sha256:1"}))
    assert engine.images(["web:1", "web:2", "web:1"]) == {"web:1": "sha256:1"}
    assert engine.image("web:2") is None
    assert len(api.asked) == 3
    api.on("GET /images/json", Reply([{"Id": "sha256:2", "RepoTags": None}]))
    assert [image.names for image in engine.nameless_images("x")] == [()]
    api.on("GET /containers/json", Reply([{"ImageID": "sha256:2"}]))
    assert engine.used_images() == {"sha256:2"}


def test_a_name_is_given_to_an_image_and_taken_once(api: EngineApi, engine: DockerEngine) -> None:
    api.on("POST /images/sha256:1/tag", Reply(status=201))
    engine.tag("sha256:1", "registry:5000/web:2")
    assert {"repo=registry%3A5000%2Fweb", "tag=2"} <= set(api.asked[-1].partition("?")[2].split("&"))
    engine.untag("web:2")
    api.on("DELETE /images/web:1", refusal(409, "a container uses it"))
    with pytest.raises(EngineRefused, match="a container uses it"):
        engine.untag("web:1")


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (refusal(401, "unauthorized "), 401),
        (Reply({"Descriptor": None}), None),
        (Reply({}), None),
        (Reply({"Descriptor": {}}, cut=True), None),
    ],
)
def test_a_registry_that_gives_no_digest_fails_with_its_reason(
    api: EngineApi, engine: DockerEngine, reply: Reply, status: int | None
) -> None:
    api.on("GET /distribution/web:1/json", reply)
    with pytest.raises(RegistryFailed) as raised:
        engine.registry_digest("web:1")
    assert raised.value.status == status
    assert raised.value.reason == ("unauthorized" if status else raised.value.reason.strip())
    api.on("GET /distribution/web:1/json", Reply({"Descriptor": {"digest": "sha256:9"}}))
    assert engine.registry_digest("web:1") == "sha256:9"


def read_of_an_image(api: EngineApi, engine: DockerEngine, *, limit: int) -> bytes:
    """Read the folder `/api` of an image, whose container is removed in any case."""
    api.on("POST /containers/create", Reply({"Id": "reader"}, 201))
    others = [{"Id": "old", "Created": 1}, {"Id": "reads", "Created": time.time()}]
    api.on("GET /containers/json", Reply(others))

    def reply_to(method: str, target: str) -> Reply:
        if "/archive" in target:
            return packed("api/v1.json", b"{}")
        if method == "DELETE":
            api.asked.append(target)
            return Reply(status=204)
        return EngineApi.reply_to(api, method, target)

    api.reply_to = reply_to  # type: ignore[method-assign]
    return engine.read_image("web:1", "/api", limit=limit)


def test_an_image_is_read_through_a_container_that_is_gone_afterwards_as_are_those_of_killed_runs(
    api: EngineApi, engine: DockerEngine
) -> None:
    with tarfile.open(fileobj=io.BytesIO(read_of_an_image(api, engine, limit=1 << 20))) as archive:
        assert archive.getnames() == ["api/v1.json"]
    removed = [request for request in api.asked if "v=True" in request or "force=True" in request]
    old, own = removed
    assert "/containers/old" in old
    assert "/containers/optimus-contract-" in own


def test_a_folder_above_the_limit_is_not_read_and_its_container_removed(api: EngineApi, engine: DockerEngine) -> None:
    with pytest.raises(TooLarge, match="larger than 100 bytes"):
        read_of_an_image(api, engine, limit=100)
    assert "/containers/optimus-contract-" in api.asked[-1]
