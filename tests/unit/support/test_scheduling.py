"""How integration tests are shared out among workers, by the modules as they are."""

from __future__ import annotations

import pytest
from tests.integration.scheduling import FIRST, FOLDER, STACKS, order, unit

ALONE = "tests/integration/test_faults.py::test_an_engine_that_does_not_answer_is_named"
DEPLOYS = "tests/integration/test_killed.py::test_the_steps_are_those_of_a_deploy"
SCALES = "tests/integration/test_faults.py::test_bad_usage_is_refused[words0]"
REDIS = "tests/integration/test_validate_redis.py::test_a_single_stack_is_healthy"


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [(DEPLOYS, "rolling"), (SCALES, "platform"), (REDIS, "test_validate_redis.py single"), (ALONE, ALONE)],
)
def test_a_unit_is_what_shares_a_stack(nodeid: str, expected: str) -> None:
    assert unit(nodeid) == expected


def test_units_begin_in_their_order_and_stay_together() -> None:
    other = "tests/integration/test_compose_renders.py::test_settings_can_be_changed_by_variables"
    more = "tests/integration/test_deploy.py::test_an_address_that_dies_costs_no_request"
    assert order([other, ALONE, SCALES, DEPLOYS, REDIS, more]) == [DEPLOYS, more, SCALES, REDIS, ALONE, other]


def test_what_comes_first_exists() -> None:
    assert [name for name in FIRST if name not in STACKS and not (FOLDER / name.partition(" ")[0]).is_file()] == []
