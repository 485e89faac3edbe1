from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.engine import FakeEngine

from optimus_ops.engine.errors import RegistryFailed
from optimus_ops.images.registry import registry_answers, registry_of


@dataclass
class Asked(FakeEngine):
    """An engine whose registries give the digest that a function returns, or no answer."""

    answer: Callable[[str], object] = lambda _name: True
    asked: list[str] = field(default_factory=list)

    def registry_digest(self, name: str) -> str:
        self.asked.append(name)
        if not self.answer(name):
            raise RegistryFailed("no answer")
        return "sha256:1"


def test_each_registry_is_asked_once() -> None:
    engine = Asked()
    assert registry_answers(engine, ["redis:8", "nginx:1", "ghcr.io/a/b:1"])
    assert sorted(engine.asked) == ["ghcr.io/a/b:1", "redis:8"]


def test_one_registry_that_does_not_answer_is_enough() -> None:
    assert not registry_answers(Asked(answer=lambda name: name == "redis:8"), ["redis:8", "ghcr.io/a/b:1"])


def test_a_registry_that_does_not_know_an_image_answers() -> None:
    assert registry_answers(FakeEngine(), ["redis:8"])


def test_a_registry_that_hangs_does_not_answer() -> None:
    released = threading.Event()
    try:
        assert not registry_answers(Asked(answer=lambda _: released.wait(60)), ["redis:8"], seconds=0.05)
    finally:
        released.set()


def test_a_fallback_image_is_in_no_registry() -> None:
    assert not registry_answers(Asked(), ["optimus-standin/redis:8"])


def test_no_images_need_no_registry() -> None:
    assert registry_answers(Asked(answer=lambda _: False), [])


def test_registries_by_name() -> None:
    names = ["redis:8", "pgvector/pgvector:1", "localhost/x", "host:5000/x:1", "ghcr.io/a/b@sha256:0"]
    assert [registry_of(name) for name in names] == ["docker.io", "docker.io", "localhost", "host:5000", "ghcr.io"]
