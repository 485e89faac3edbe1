from __future__ import annotations

import pytest

from optimus_ops.engine.disk import LEAST_FREE_BYTES, check_disk
from optimus_ops.errors import MissingPrerequisite


def test_a_disk_that_is_nearly_full_is_named_with_what_to_do() -> None:
    with pytest.raises(MissingPrerequisite, match="only 3 MB are free in /var/lib/docker") as lacks:
        check_disk("/var/lib/docker", lambda _path: 3 * 1024**2)
    assert "docker system prune" in (lacks.value.hint or "")


def test_a_disk_with_room_is_fine() -> None:
    check_disk("/var/lib/docker", lambda _path: LEAST_FREE_BYTES)


def test_the_disk_of_an_engine_elsewhere_is_not_ours_to_check() -> None:
    check_disk("/no/such/folder")
