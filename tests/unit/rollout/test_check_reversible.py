"""An undo never leaves a service without a replica."""

from __future__ import annotations

import pytest
from tests.unit.stacks import replica, state

from optimus_ops.errors import OpsError
from optimus_ops.rollout.undo import check_reversible

OLD, NEW = replica("ai", 1), replica("ai", 2)


def test_there_is_a_way_back_while_the_old_ones_are_only_stopped() -> None:
    check_reversible(state(OLD), state(replica("ai", 1, status="exited"), NEW))


def test_new_replicas_stay_where_old_ones_are_removed() -> None:
    with pytest.raises(OpsError, match="old replicas of ai are removed already"):
        check_reversible(state(OLD), state(NEW))


def test_what_had_ended_before_is_not_missed() -> None:
    check_reversible(state(OLD, replica("ai", 3, status="exited")), state(OLD, NEW))


def test_a_service_that_goes_down_is_no_way_that_is_blocked() -> None:
    check_reversible(state(OLD, replica("worker")), state(OLD))
