"""How integration tests are shared out among workers, by the modules as they are."""

from __future__ import annotations

import pytest
from tests.integration.scheduling import FOLDER, order, recorded_seconds, unit, units

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
    more = "tests/integration/test_killed.py::test_after_sigkill_in_a_step_the_same_command_ends_what_was_begun[8-stop]"
    seconds = {"test_faults.py": 20, "test_validate_redis.py": 6, "test_killed.py": 11}
    recorded = {f"tests/integration/{name}": float(taken) for name, taken in seconds.items()}
    # A file's seconds are those of its tests alike; what is not known may take long.
    assert order([DEPLOYS, ALONE, SCALES, REDIS, other, more], recorded) == [other, DEPLOYS, more, ALONE, SCALES, REDIS]


def test_the_modules_of_a_stack_are_shared_out_by_what_they_take() -> None:
    looks = "tests/integration/test_looking.py::test_doctor_finds_the_machine_fit"
    counts = "tests/integration/test_scale.py::test_the_operator_s_file_is_private"
    scales_again = "tests/integration/test_faults.py::test_bad_usage_is_refused[words1]"
    seconds = {"test_faults.py": 20, "test_looking.py": 9, "test_scale.py": 12}
    recorded = {f"tests/integration/{name}": float(taken) for name, taken in seconds.items()}
    found = units([ALONE, SCALES, scales_again, looks, counts, REDIS], recorded)
    stacks = {nodeid: name for nodeid, name in found.items() if name.startswith("platform")}
    # The tests of a module stay together: 13 s, and 12 s and 9 s.
    assert stacks == {
        SCALES: "platform 1",
        scales_again: "platform 1",
        counts: "platform 2",
        looks: "platform 2",
    }
    assert found.keys() - stacks.keys() == {ALONE, REDIS}


def test_what_is_recorded_are_files_of_this_folder() -> None:
    recorded = recorded_seconds()
    assert recorded
    assert {str((FOLDER / name.rpartition("/")[2]).relative_to(FOLDER.parents[1])) for name in recorded} == {*recorded}
