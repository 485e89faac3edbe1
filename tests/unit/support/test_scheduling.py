"""How integration tests are shared out among workers, by the modules as they are."""

from __future__ import annotations

import pytest
from tests.integration.scheduling import FOLDER, order, recorded_seconds, unit

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


def test_the_longest_unit_begins_first_and_a_unit_stays_together() -> None:
    other = "tests/integration/test_compose_renders.py::test_settings_can_be_changed_by_variables"
    more = "tests/integration/test_deploy.py::test_an_address_that_dies_costs_no_request"
    seconds = {"test_faults.py": 20, "test_validate_redis.py": 6, "test_killed.py": 4, "test_deploy.py": 7}
    recorded = {f"tests/integration/{name}": float(taken) for name, taken in seconds.items()}
    # A file's seconds are those of its tests alike; what is not known may take long.
    assert order([DEPLOYS, ALONE, SCALES, REDIS, other, more], recorded) == [other, DEPLOYS, more, ALONE, SCALES, REDIS]


def test_what_is_recorded_are_files_of_this_folder() -> None:
    recorded = recorded_seconds()
    assert recorded
    assert {str((FOLDER / name.rpartition("/")[2]).relative_to(FOLDER.parents[1])) for name in recorded} == {*recorded}
