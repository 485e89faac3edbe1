"""An undo takes everything away that a change made, also what appears while it is under way."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from tests.fakes.clock import FakeClock
from tests.unit.stacks import replica, stack, state

from optimus_ops.balancer.routing import Prober
from optimus_ops.change.options import Deadlines
from optimus_ops.change.undo_stack import UndoFailed
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.errors import EngineGone, EngineRefused
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.rollback_images import MOST_KEPT, KeptImages
from optimus_ops.engine.values import Image
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica, State
from optimus_ops.project.settings import load_project
from optimus_ops.rollout.baseline import Baseline
from optimus_ops.rollout.containers import Containers
from optimus_ops.rollout.undo import undo

OLD = replica("ai", 1)
LATE = replica("ai", 3, status="created", health=None)


@dataclass
class Engine:
    """An engine in memory: its containers, of which one appears a look after others were removed, and images."""

    containers: list[Replica] = field(default_factory=lambda: [OLD])
    images_now: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    late: Replica | None = None

    def answers(self) -> bool:
        return True

    def observe(self, *_: object) -> State:
        seen = state(*(replica for replica in self.containers if replica.id not in self.removed))
        if self.late and self.removed:
            self.containers.append(self.late)
            self.late = None
        return seen

    def start(self, container: str) -> None:
        raise AssertionError(f"{container} runs already")

    def pause(self, container: str) -> None:
        self.paused.append(container)

    def remove(self, container: str) -> None:
        self.removed.append(container)

    def images(self, names: Any) -> dict[str, str]:
        return {name: self.images_now[name] for name in names if name in self.images_now}

    def tag(self, image: str, name: str) -> None:
        self.images_now[name] = image

    def untag(self, name: str) -> None:
        self.removed.append(name)
        self.images_now.pop(name, None)

    def image(self, image: str) -> Image:
        return Image(image, tuple(name for name, known in self.images_now.items() if known == image))

    def volumes(self, _project: str) -> tuple[str, ...]:
        return ()

    networks = volumes


class Progress:
    note = ""
    complaints: list[str] = []  # noqa: RUF012 - never written to


def undone(engine: Engine, folder: Path, *, unsettled: bool = False, **before: Any) -> tuple[str, ...]:
    """Undo a change of one replica, with `ai` 1 there before."""
    compose = DockerCompose(load_project(folder, {"COMPOSE_PROJECT_NAME": "shop"}), (), Pins())
    facts: dict[str, Any] = {
        "state": state(replica("ai", 1)),
        "volumes": frozenset(),
        "networks": frozenset(),
        "images": {},
        "pins": Pins(),
        "kept": None,
    }
    then = Baseline(**{**facts, **before})
    containers = Containers(compose, cast("Any", engine), stack(), then.state, Deadlines(), Prober(clock=FakeClock()))
    return undo(then, containers, cast("Any", Progress()), lambda: iter(()), creating=unsettled)


def test_a_container_that_the_engine_was_still_making_is_removed_as_well(tmp_path: Path) -> None:
    engine = Engine([OLD, replica("ai", 2, status="created", health=None)], late=LATE)
    said = undone(engine, tmp_path, unsettled=True)
    assert engine.removed == ["ai2", "ai3"]
    assert said == ("removed shop-ai-2", "removed shop-ai-3")


def test_what_was_frozen_is_frozen_again(tmp_path: Path) -> None:
    engine = Engine([OLD, replica("redis")])
    undone(engine, tmp_path, state=state(OLD, replica("redis", status="paused")))
    assert engine.paused == ["redis1"]


def test_an_image_that_had_the_name_meanwhile_does_not_stay_without_one(tmp_path: Path) -> None:
    engine = Engine(images_now={"shop/ai:local": "sha256:new"})
    undone(engine, tmp_path, images={"shop/ai:local": "sha256:old"})
    assert engine.images_now == {"shop/ai:local": "sha256:old"}
    assert engine.removed == ["sha256:new"]


def test_an_image_that_has_another_name_stays(tmp_path: Path) -> None:
    engine = Engine(images_now={"shop/ai:local": "sha256:new", "shop/ai:1.4": "sha256:new"})
    undone(engine, tmp_path, images={"shop/ai:local": "sha256:old"})
    assert engine.removed == []


def test_images_are_no_longer_kept_for_a_rollback_of_what_is_undone(tmp_path: Path) -> None:
    kept = KeptImages.of(load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"}))
    engine = Engine()
    kept.keep(cast("Any", engine), "ai", "shop/ai:local", ("sha256:first",))
    text, before = kept.path.read_text("utf-8"), dict(engine.images_now)
    kept.keep(cast("Any", engine), "ai", "shop/ai:local", ("sha256:second",))
    said = undone(engine, tmp_path, kept=text, images=before)
    assert list(engine.images_now) == [kept.name_of("shop/ai:local", "sha256:first")]
    assert kept.path.read_text("utf-8") == text
    assert said == ("no longer keeps ai's image second",)


def test_names_that_were_taken_from_the_oldest_images_are_given_back(tmp_path: Path) -> None:
    kept = KeptImages.of(load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"}))
    engine = Engine()
    for number in range(MOST_KEPT):
        kept.keep(cast("Any", engine), "ai", "shop/ai:local", (f"sha256:{number}",))
    text, before = kept.path.read_text("utf-8"), dict(engine.images_now)
    kept.keep(cast("Any", engine), "ai", "shop/ai:local", ("sha256:new",))
    assert engine.images_now != before
    undone(engine, tmp_path, kept=text, images=before)
    assert (engine.images_now, kept.path.read_text("utf-8")) == (before, text)


@pytest.mark.parametrize(("error", "fails"), [(EngineRefused("a container uses it", 409), False), (EngineGone(), True)])
def test_a_name_that_can_not_be_taken_away_stays_known(tmp_path: Path, error: OpsError, fails: bool) -> None:
    class Refusing(Engine):
        def untag(self, name: str) -> None:
            assert "kept" in name
            raise error

    kept = KeptImages.of(load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"}))
    engine = Refusing()
    kept.keep(cast("Any", engine), "ai", "shop/ai:local", ("sha256:first",))
    with pytest.raises(UndoFailed) if fails else nullcontext():
        undone(engine, tmp_path)
    assert kept.read() == {"ai": ["sha256:first"]}
    assert set(engine.images_now) == {kept.name_of("shop/ai:local", "sha256:first")}
