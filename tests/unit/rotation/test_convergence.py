"""Convergence: every process of every replica that the engine lists uses the value of now; the rest is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.shop import MODEL, SCALABLE, Shop, memory_folder
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout import scale as scaling
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.convergence import StackReplicas
from optimus_ops.rotation.files import SecretFiles
from optimus_ops.rotation.in_use import fingerprint
from optimus_ops.rotation.replacement import replace_services
from optimus_ops.secrets import commands
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.value import Secret
from optimus_ops.stack.context import StackContext
from optimus_ops.system.process import Completed
from optimus_ops.text.console import Progress

SCHEMA = """\
# Key of a tenant.
# @generate=token(32) @consumers=web,db @required @rotator=tenant-key
API_KEY=

# Keys fingerprints.
# @generate=token(32) @consumers=web @required
SECRETS_FINGERPRINT_KEY=
"""


@dataclass
class Reports:
    """What processes in containers say that they use: read at the start and, unless frozen, again all the time.

    Args:
        old_images: images whose containers say nothing.
        stuck: containers that never read again -> what they have read.
        asked: how often any was asked.
        on_ask: done at each question, by its number.
    """

    folder: Path
    old_images: set[str] = field(default_factory=set)
    stuck: dict[str, Mapping[str, str]] = field(default_factory=dict)
    workers: int = 2
    asked: int = 0
    on_ask: dict[int, Any] = field(default_factory=dict)

    def read(self, service: str) -> dict[str, str]:
        folder = self.folder / ("web" if service == "worker" else service)
        return {path.name: path.read_text("utf-8") for path in folder.iterdir()}

    def answer(self, shop: Shop, container: str, command: Sequence[str]) -> Completed:
        self.asked += 1
        self.on_ask.pop(self.asked, lambda: None)()
        found = shop.engine.containers[container]
        if found.image in self.old_images:
            return Completed(tuple(command), 2, "", "no such file")
        own = self.read(found.service)
        values = [self.stuck.get(container, own), *[own] * (self.workers - 1)]
        key = Secret(own["SECRETS_FINGERPRINT_KEY"])
        processes = [
            {"pid": pid, "secrets": {name: fingerprint(key, name, Secret(value)) for name, value in read.items()}}
            for pid, read in enumerate(values, start=1)
        ]
        return Completed(tuple(command), 0, json.dumps({"processes": processes}), "")


@dataclass
class World:
    shop: Shop
    reports: Reports
    context: RotationContext

    @property
    def replicas(self) -> StackReplicas:
        def replacing(stack: StackContext, services: Sequence[str], progress: Progress) -> None:
            replace_services(stack, services, progress, self.shop.prober)

        assert self.context.stack is not None
        return StackReplicas(self.context, self.context.stack, replace=replacing)

    def write(self, **values: str) -> Mapping[str, Secret]:
        written = {key: Secret(value) for key, value in values.items()}
        SecretFiles(self.context.paths, self.context.entries).write(written, "rot-000000000000")
        return written

    def ids(self, service: str) -> list[str]:
        return [found.id for found in self.shop.ready(service)]


@pytest.fixture
def world() -> Iterator[World]:
    """Return a shop of two web and one worker, which shares the folder of web's secrets."""
    with memory_folder() as folder:
        checkout = Checkout.make(folder / "shop", SCHEMA)
        mounted = {
            name: [
                {"type": "bind", "read_only": True, "source": str(checkout.secrets_dir / own), "target": "/run/secrets"}
            ]
            for name, own in {"web": "web", "worker": "web", "db": "db"}.items()
        }
        services = {
            name: {**service, **({"volumes": mounted[name]} if name in mounted else {})}
            for name, service in MODEL["services"].items()
        }
        services["worker"]["labels"] = SCALABLE
        shop = Shop.open(checkout.root, {**MODEL, "services": services})
        (checkout.root / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "shop"\n', "utf-8")
        commands.init(ChangeOptions(), checkout.root)
        scaling.scale(shop.context(), ScaleRequest({"web": 2, "worker": 1}), shop.prober)
        shop.process_ends()
        reports = Reports(checkout.secrets_dir)
        shop.engine.on_exec = lambda container, command: reports.answer(shop, container, command)
        keys = KeyStore.open("", checkout.root)
        context = RotationContext(shop.project, keys.paths, keys.entries, shop.context(), shop.engine.clock)
        yield World(shop, reports, context)
        shop.process_ends()


def test_all_replicas_agree_and_nothing_is_replaced(world: World) -> None:
    before = world.ids("web")
    progress = Progress("")
    world.replicas.converge(world.write(API_KEY="new"), progress)

    assert progress.note == "3 of 3 replicas"
    assert world.ids("web") == before


def test_a_service_is_a_reader_by_what_it_mounts_and_one_that_reports_nothing_is_none(world: World) -> None:
    world.replicas.converge(world.write(API_KEY="new"), Progress(""))

    # Two of web, the worker that shares its folder, and not the database.
    assert world.reports.asked == 3


def test_a_companion_that_is_gone_must_be_gone_everywhere(world: World) -> None:
    world.write(API_KEY="new", API_KEY_SECONDARY="old\nnew")
    stuck = world.reports.read("web")
    world.write(API_KEY_SECONDARY="")
    world.reports.stuck = {world.ids("web")[0]: stuck}
    world.replicas.converge({"API_KEY": Secret("new"), "API_KEY_SECONDARY": Secret("")}, Progress(""))

    assert not set(world.reports.stuck) & set(world.ids("web"))


def test_a_process_that_does_not_read_again_has_its_service_replaced_and_no_other(world: World) -> None:
    before, workers = world.ids("web"), world.ids("worker")
    world.reports.stuck = {before[1]: world.reports.read("web")}
    world.replicas.converge(world.write(API_KEY="new"), Progress(""))

    assert not set(before) & set(world.ids("web"))
    assert len(world.ids("web")) == 2
    assert world.ids("worker") == workers


def test_a_replica_that_is_unhealthy_is_replaced_whatever_it_said_last(world: World) -> None:
    before = world.ids("web")
    hung = world.shop.engine.containers[before[0]]
    hung.behaviour = replace(hung.behaviour, unhealthy=True)
    world.replicas.converge(world.write(API_KEY="new"), Progress(""))

    assert not set(before) & set(world.ids("web"))
    assert len(world.ids("web")) == 2


def test_an_image_that_says_nothing_is_no_agreement_also_after_it_was_replaced(world: World) -> None:
    world.reports.old_images = {"web:1"}
    with pytest.raises(
        OpsError, match="not every replica uses the values of now, also after web were replaced"
    ) as said:
        world.replicas.converge(world.write(API_KEY="new"), Progress(""))

    assert "does not say what it uses" in str(said.value)
    assert len(world.ids("web")) == 2


def test_on_the_way_back_a_silent_replica_counts_if_it_was_started_after_the_files_were_written(world: World) -> None:
    world.reports.old_images = {"web:1"}
    before = world.ids("web")
    world.replicas.converge(world.write(API_KEY="old"), Progress(""), trust_started=True)

    assert not set(before) & set(world.ids("web"))


def test_a_replica_that_comes_meanwhile_counts(world: World) -> None:
    def add() -> None:
        made = world.shop.engine.create("shop", "web", 9, "web:1")
        made.start(world.shop.engine.clock.now)
        world.reports.stuck = {made.id: old}
        world.shop.engine.clock.alarms[world.shop.engine.clock.now + 5] = world.reports.stuck.clear

    old = world.reports.read("web")
    world.reports.on_ask = {2: add}
    progress = Progress("")
    world.replicas.converge(world.write(API_KEY="new"), progress)

    assert progress.note == "4 of 4 replicas"


def test_a_replica_that_goes_meanwhile_does_not(world: World) -> None:
    gone = world.ids("web")[1]
    world.reports.stuck = {gone: world.reports.read("web")}
    world.reports.on_ask = {4: lambda: world.shop.engine.containers.pop(gone)}
    progress = Progress("")
    world.replicas.converge(world.write(API_KEY="new"), progress)

    assert progress.note == "2 of 2 replicas"


def test_without_a_key_of_fingerprints_services_are_replaced(world: World) -> None:
    entries = {key: entry for key, entry in world.context.entries.items() if key != "SECRETS_FINGERPRINT_KEY"}
    entries["API_KEY"] = replace(entries["API_KEY"], consumers=("web",))
    world.context = replace(world.context, entries=entries)
    world.reports.old_images = {"web:1", "worker:1"}
    before = world.ids("web")
    world.replicas.converge({"API_KEY": Secret("new")}, Progress(""))

    assert not set(before) & set(world.ids("web"))
