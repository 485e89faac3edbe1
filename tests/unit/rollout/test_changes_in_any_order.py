"""Changes in any order, cut short at any call to the engine: the shop always ends whole, and serves meanwhile."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.fakes.faults import KINDS, MUTATIONS, Fault, Killed, Kind
from tests.fakes.host import Call
from tests.fakes.shop import Shop, memory_folder

from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.model.image_names import is_kept
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout import deploy as deploying
from optimus_ops.rollout import down as stopping
from optimus_ops.rollout import scale as scaling
from optimus_ops.rollout.requests import DeployRequest, DownRequest


@dataclass
class CallFault(Fault):
    """A fault at the n-th change on the engine, whichever step that is in: `number`, that of a step, is 0.

    Args:
        calls: how many changes are left until it; 0: there is no fault.
    """

    calls: int = 0

    def hook(self, call: Call) -> None:
        """Strike when the calls are counted down."""
        if self.dead:
            raise Killed
        if call.phase != "before" and call.name in MUTATIONS:
            self.calls -= 1
            if self.calls == 0:
                self.strike()
        self.watch()


kinds = st.sampled_from(KINDS)


class Changes(RuleBasedStateMachine):
    """A shop that is scaled, deployed, stopped and started, with and without faults."""

    @initialize()
    def open(self) -> None:
        self.folder = contextlib.ExitStack()
        self.shop = Shop.open(self.folder.enter_context(memory_folder()))
        self.count, self.image = 1, "web:1"
        self.make("up", self.count, self.image, 0, "SIGINT")

    @rule(
        count=st.integers(1, 3),
        call=st.integers(0, 12),
        kind=kinds,
    )
    def scale(self, count: int, call: int, kind: Kind) -> None:
        self.make("scale", count, self.image, call, kind)

    @rule(
        tag=st.sampled_from(["1", "2", "mute", "ends"]),
        call=st.integers(0, 30),
        kind=kinds,
    )
    def deploy(self, tag: str, call: int, kind: Kind) -> None:
        self.make("deploy", self.count, f"web:{tag}", call, kind)

    @rule(call=st.integers(0, 12), kind=kinds)
    def down_and_up(self, call: int, kind: Kind) -> None:
        self.make("down", 0, self.image, call, kind)
        self.make("scale", self.count, self.image, 0, kind)

    def make(self, verb: str, count: int, image: str, call: int, kind: Kind) -> None:
        """Make a change, with a fault at a call (0: none); whatever is left half-way is repeated to its end."""
        before, floor = self.shop.snapshot(), min(len(self.shop.ready("web")), count)
        fault = CallFault(kind, 0, "amid", self.shop, "web", calls=call)

        def watch() -> None:
            assert len(self.shop.ready("web")) >= floor - bool(fault.died), "fewer serve than before"

        fault.watch = watch
        error: BaseException | None = None
        with fault.injected():
            try:
                self.change(verb, count, image)
            except (Killed, Interrupted, OpsError) as failed:
                error = failed
        last = self.shop.journal()[-1]
        if error is None and not fault.died:
            self.count, self.image = count or self.count, image
            return
        undone = last["event"] == "undo" and "error" not in last
        if undone and fault.died not in {identity for identity, *_state in before["containers"].values()}:
            assert self.shop.snapshot() == before
        else:
            self.finish(verb, count, image)

    def finish(self, verb: str, count: int, image: str) -> None:
        """Repeat a change that was left half-way; a version that can't serve is given up for one that can."""
        self.shop.engine.gone = False
        self.shop.engine.clock.sleep(10)
        good = "web:2" if image in {"web:mute", "web:ends"} else image
        self.change(verb, count, good)
        self.shop.process_ends()
        self.count, self.image = count or self.count, good

    def change(self, verb: str, count: int, image: str) -> None:
        context, prober = self.shop.context(), self.shop.prober
        match verb:
            case "up":
                scaling.scale(context, ScaleRequest(purpose="up"), prober)
            case "scale":
                scaling.scale(context, ScaleRequest({"web": count}), prober)
            case "deploy":
                request = DeployRequest(("web",), image.partition(":")[2], observe=4, force=False)
                deploying.deploy(context, request, prober)
            case "down":
                stopping.down(context, DownRequest(), prober)

    @invariant()
    def it_is_whole(self) -> None:
        if not hasattr(self, "shop"):
            return
        web = self.shop.state().of("web")
        assert {found.status for found in web} <= {"running"}
        assert len(web) == self.count
        assert {found.image for found in web} == {self.image}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.shop.process_ends()
            self.folder.close()


Changes.TestCase.settings = settings(max_examples=12, stateful_step_count=5, deadline=None)
TestChanges = Changes.TestCase


def test_a_fault_at_a_call_strikes_once() -> None:
    changes = Changes()
    changes.open()
    try:
        changes.scale(call=0, count=2, kind="SIGINT")
        # The third call is in a step whose number the calls that are left have at its end.
        changes.deploy(call=3, kind="container died", tag="2")
        changes.it_is_whole()
    finally:
        changes.teardown()


@pytest.mark.parametrize("call", range(10, 24))
def test_an_undo_that_loses_the_engine_forgets_no_name_that_it_could_not_take_away(call: int) -> None:
    changes = Changes()
    changes.open()
    try:
        changes.deploy(call=0, kind="SIGINT", tag="2")
        changes.deploy(call=call, kind="engine gone", tag="mute")
        kept = KeptImages.of(changes.shop.project)
        names = {name for image in changes.shop.engine.known_images.values() for name in image.names if is_kept(name)}
        assert names <= {kept.name_of("web:1", image) for image in kept.read()["web"]}
        # As a later undo would remove it, which is to go back to what there was.
        changes.deploy(call=0, kind="SIGINT", tag="mute")
        changes.it_is_whole()
    finally:
        changes.teardown()


def test_what_a_failed_deploy_left_is_not_kept_for_a_rollback() -> None:
    changes = Changes()
    changes.open()
    try:
        changes.deploy(call=0, kind="SIGINT", tag="2")
        changes.deploy(call=12, kind="engine gone", tag="mute")
        # The same command once more got back to version 2, and a replica that never was ready left.
        assert "remove shop-web-3" in changes.shop.printed.getvalue()
        mute = changes.shop.engine.images(["web:mute"])["web:mute"]
        assert mute not in KeptImages.of(changes.shop.project).read()["web"]
    finally:
        changes.teardown()
