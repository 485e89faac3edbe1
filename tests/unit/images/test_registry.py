from __future__ import annotations

import threading

from optimus_ops.images.registry import registry_answers, registry_of


def test_each_registry_is_asked_once() -> None:
    asked: list[str] = []

    def probe(name: str) -> bool:
        asked.append(name)
        return True

    assert registry_answers(["redis:8", "nginx:1", "ghcr.io/a/b:1"], probe)
    assert sorted(asked) == ["ghcr.io/a/b:1", "redis:8"]


def test_one_registry_that_does_not_answer_is_enough() -> None:
    assert not registry_answers(["redis:8", "ghcr.io/a/b:1"], lambda name: name == "redis:8")


def test_a_registry_that_hangs_does_not_answer() -> None:
    released = threading.Event()
    try:
        assert not registry_answers(["redis:8"], lambda _: released.wait(60), seconds=0.05)
    finally:
        released.set()


def test_a_stand_in_is_in_no_registry() -> None:
    assert not registry_answers(["optimus-standin/redis:8"], lambda _: True)


def test_no_images_need_no_registry() -> None:
    assert registry_answers([], lambda _: False)


def test_registries_by_name() -> None:
    names = ["redis:8", "pgvector/pgvector:1", "localhost/x", "host:5000/x:1", "ghcr.io/a/b@sha256:0"]
    assert [registry_of(name) for name in names] == ["docker.io", "docker.io", "localhost", "host:5000", "ghcr.io"]
