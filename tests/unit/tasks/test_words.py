"""Plain words after a task become flags."""

from __future__ import annotations

import pytest

from optimus_ops.tasks._words import spelled_out

TASKS = ("logs", "status", "scale", "secrets.init")


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("logs", "logs"),
        ("logs ai redis", "logs --service ai --service redis"),
        ("logs --tail 5 ai --no-follow", "logs --tail 5 --service ai --no-follow"),
        ("logs --tail=5 ai", "logs --tail=5 --service ai"),
        ("logs --service ai", "logs --service ai"),
        ("logs ai status", "logs --service ai status"),
        ("scale --ai-engine 3", "scale --ai-engine 3"),
        ("status nonsense", "status nonsense"),
        ("", ""),
    ],
)
def test_plain_words_after_a_task_become_flags(words: str, made: str) -> None:
    flags = {"logs": "--service"}

    assert spelled_out(words.split(), flags, {"--tail", "--service"}, TASKS) == made.split()
