from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.rollback_images import MOST_KEPT, KeptImages
from optimus_ops.model.image_names import repository_of


class Images:
    """An engine that knows names of images only."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def tag(self, image: str, repository: str, tag: str, **_: Any) -> None:
        self.names[f"{repository}:{tag}"] = image

    def remove_image(self, name: str, **_: Any) -> None:
        del self.names[name]


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("optimus/ai-engine:local", "optimus/ai-engine"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("localhost:5000/a/b:1@sha256:00", "localhost:5000/a/b"),
        ("redis", "redis"),
    ],
)
def test_the_repository_of_a_name(name: str, repository: str) -> None:
    assert repository_of(name) == repository


def test_the_last_images_are_kept_and_older_ones_lose_their_names(tmp_path: Path) -> None:
    images = Images()
    docker = DockerEngine(images, "here")
    kept = KeptImages(tmp_path / "kept.json", "shop")
    for number in range(MOST_KEPT + 2):
        kept.keep(docker, "ai", "shop/ai:local", (f"sha256:{number}",))
    assert kept.read() == {"ai": [f"sha256:{number}" for number in range(2, MOST_KEPT + 2)]}
    assert set(images.names) == {f"shop/ai:kept-shop-{number}" for number in range(2, MOST_KEPT + 2)}


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("shop-web", "shop-web:latest"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
    ],
)
def test_a_name_without_a_tag_is_given_back_like_any_other(name: str, full: str) -> None:
    images = Images()
    DockerEngine(images, "here").tag("sha256:1", name)
    assert images.names == {full: "sha256:1"}


def test_an_image_that_is_kept_again_is_the_last_one(tmp_path: Path) -> None:
    docker = DockerEngine(Images(), "here")
    kept = KeptImages(tmp_path / "kept.json", "shop")
    for image in ("a", "b", "a"):
        kept.keep(docker, "ai", "shop/ai:local", (f"sha256:{image}",))
    assert kept.read()["ai"] == ["sha256:b", "sha256:a"]
