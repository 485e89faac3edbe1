"""A partition is two rules in a container's network namespace; healing proves that they are gone."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from optimus_ops.change.undo_stack import UndoFailed
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import RedisNode
from optimus_ops.redis.drill.namespaces import check_root, partition

MASTER = RedisNode("redis", "id-1", "10.0.0.1", 6379, Credentials())
OTHERS = [RedisNode(f"redis-{number}", f"id-{number}", f"10.0.0.{number}", 6379, Credentials()) for number in (2, 3)]
# Keeps its rules in a file, as a namespace does.
NSENTER = """#!/bin/sh
shift 3
rules="$(dirname "$0")/rules"
action=$3
shift 3
case $action in
    -A) echo "$@" >> "$rules" ;;
    -C) grep -qxF -e "$*" "$rules" ;;
    -D) [ -e "$rules.stuck" ] || { grep -vxF -e "$*" "$rules" > "$rules.new"; mv "$rules.new" "$rules"; } ;;
esac
"""


class OneContainer:
    @staticmethod
    def pid(_container: str) -> int:
        return 4321


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a program `nsenter`, the first one that is found."""
    (tmp_path / "nsenter").write_text(NSENTER)
    (tmp_path / "nsenter").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def injector() -> FaultInjector:
    return FaultInjector(cast("Engine", OneContainer()), "shop")


def rules(programs: Path) -> list[str]:
    return (programs / "rules").read_text().splitlines()


def test_packets_are_dropped_in_both_directions_until_it_is_healed(programs: Path, injector: FaultInjector) -> None:
    partition(injector, MASTER, OTHERS)

    assert rules(programs) == ["INPUT -s 10.0.0.2,10.0.0.3 -j DROP", "OUTPUT -d 10.0.0.2,10.0.0.3 -j DROP"]
    assert injector.heal() == ("connected redis with the others",)
    assert rules(programs) == []


def test_a_rule_that_stays_fails_the_healing(programs: Path, injector: FaultInjector) -> None:
    partition(injector, MASTER, OTHERS)
    (programs / "rules.stuck").touch()

    with pytest.raises(UndoFailed, match="redis is still cut off from "):
        injector.heal()

    (programs / "rules.stuck").unlink()
    assert injector.heal() == ("connected redis with the others",)


def test_a_machine_without_the_programs_names_the_faults_that_it_can_not_make(
    injector: FaultInjector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        MissingPrerequisite, match=r"these faults can't be made here: partition, slow \(there is no nsenter"
    ):
        check_root(injector, MASTER, ["partition", "slow"])
