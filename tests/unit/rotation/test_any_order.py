"""Rotations in any order, killed, failing and rolled back anywhere: always served, and one valid value in the end."""

from __future__ import annotations

import contextlib
import random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.fakes.faults import Killed
from tests.fakes.rotation import KEYS, FakePlatform
from tests.fakes.shop import memory_folder

from optimus_ops.errors import OpsError

keys = st.sampled_from(KEYS)
moments = st.integers(0, 70)


class AnyOrder(RuleBasedStateMachine):
    """Commands in any order, each cut off at some moment or not at all."""

    @initialize(seed=st.integers(0, 2**16))
    def open(self, seed: int) -> None:
        self.stack = contextlib.ExitStack()
        self.platform = FakePlatform.open(self.stack.enter_context(memory_folder()))
        self.platform.chance = random.Random(seed)
        self.platform.grace = 300

    @rule(key=keys, member=st.integers(1, 2), at=moments, dies=st.booleans())
    def rotate(self, key: str, member: int, at: int, dies: bool) -> None:
        self.command(at, key, dies=dies, member=member if key == "PROVIDER_KEYS" else 0)

    @rule(at=moments, dies=st.booleans())
    def resume(self, at: int, dies: bool) -> None:
        self.command(at, dies=dies, resume=True)

    @rule(at=moments, dies=st.booleans())
    def rollback(self, at: int, dies: bool) -> None:
        self.command(at, dies=dies, rollback=True)

    @rule(seconds=st.integers(1, 400), jump=st.integers(-(10**6), 10**6))
    def time_passes(self, seconds: int, jump: int) -> None:
        self.platform.clock.now += seconds
        self.platform.clock.date += jump

    @rule()
    def the_machine_starts_anew(self) -> None:
        self.platform.clock.start += "+"
        self.platform.clock.now = 1.0

    def command(self, at: int, *keys: str, dies: bool, **asked: Any) -> None:
        platform = self.platform
        platform.moments, platform.die_at, platform.fail_at = 0, at if dies else 0, 0 if dies else at
        with contextlib.suppress(Killed, OpsError):
            platform.rotate(*keys, **asked)
        platform.new_process()

    @invariant()
    def all_is_served(self) -> None:
        if hasattr(self, "platform"):
            self.platform.assert_served()

    def teardown(self) -> None:
        if not hasattr(self, "platform"):
            return
        with self.stack:
            # What was cut off gets into its grace; what was in grace, or being rolled back, ends.
            self.platform.rotate(resume=True)
            self.platform.clock.now += 1e5
            self.platform.rotate(resume=True)
            self.platform.assert_settled()


def test_commands_in_any_order() -> None:
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=12, stateful_step_count=6, deadline=None))
