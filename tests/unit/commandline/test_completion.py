"""Completion: tasks, flags and what the project knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from invoke.main import program

from optimus_ops.commandline.completion import completions, values_for, words_of
from optimus_ops.redis import tasks as redis_tasks
from optimus_ops.tasks.root import contexts_of, make_namespace

ROOT = Path(__file__).parents[3]
CONTEXTS = contexts_of(make_namespace(ROOT))


def after(typed: str) -> list[str]:
    return completions(
        words_of(typed, ["invoke", "inv"]),
        CONTEXTS,
        program.initial_context,
        values_for(["ai-engine", "memory-engine"], [redis_tasks]),
    )


def test_tasks_are_completed() -> None:
    assert {"scale", "deploy", "redis.drill"} <= set(after("invoke "))
    assert after("invoke redis.dr") == ["redis.drill"]
    assert after("/opt/bin/inv sta") == ["status"]
    assert after("invoke --help sta") == ["status"]


def test_flags_are_completed() -> None:
    assert after("invoke scale --ai") == ["--ai-engine"]
    assert "--no-follow" in after("invoke logs --")


@pytest.mark.parametrize("typed", ["deploy ai", "deploy --plan ai", "logs memory-engine ai", "deploy --service ai"])
def test_services_are_completed(typed: str) -> None:
    assert after(f"invoke {typed}") == ["ai-engine"]


def test_a_value_behind_an_equals_sign_is_completed() -> None:
    assert after("invoke scale --build=ai") == ["--build=ai-engine"]


def test_faults_are_completed() -> None:
    assert after("invoke redis.drill --fault ki") == ["kill"]


@pytest.mark.parametrize("typed", ["invoke scale --ai-engine ", "invoke deploy --image "])
def test_a_value_that_nobody_knows_is_left_to_the_shell(typed: str) -> None:
    assert after(typed) == []


@pytest.mark.parametrize("typed", ["", "invoke", "invoke 'open", "invoke nonsense --x ", "invoke - "])
def test_a_line_that_was_barely_begun_is_no_error(typed: str) -> None:
    after(typed)
