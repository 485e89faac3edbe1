from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.commandline.positional_services import with_flags
from optimus_ops.tasks.root import contexts_of, make_namespace

ROOT = Path(__file__).parents[3]
CONTEXTS = contexts_of(make_namespace(ROOT))


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("deploy ai-engine", "deploy --service ai-engine"),
        (
            "deploy ai-engine memory-engine --image 1.4 --plan",
            "deploy --service ai-engine --service memory-engine --image 1.4 --plan",
        ),
        ("deploy --image 1.4 ai-engine", "deploy --image 1.4 --service ai-engine"),
        ("deploy --image=1.4 ai-engine", "deploy --image=1.4 --service ai-engine"),
        ("deploy --plan ai-engine status", "deploy --plan --service ai-engine status"),
        ("deploy --service ai-engine", "deploy --service ai-engine"),
        ("logs ai-engine --tail 5", "logs --service ai-engine --tail 5"),
        ("lb.check memory-engine", "lb.check --service memory-engine"),
        ("scale --ai-engine 3", "scale --ai-engine 3"),
        ("scale nonsense", "scale nonsense"),
        ("nonsense ai-engine", "nonsense ai-engine"),
        ("release.prepare 1.2.0 --plan", "release.prepare --release 1.2.0 --plan"),
        ("ci.run deploy --plan", "ci.run deploy --plan"),
        ("ci.run deploy deploy ai-engine", "ci.run deploy deploy --service ai-engine"),
    ],
)
def test_bare_words_behind_a_task_that_takes_services_are_services(typed: str, seen: str) -> None:
    assert with_flags(typed.split(), CONTEXTS) == seen.split()


@given(st.lists(st.sampled_from(["deploy", "--service", "ai-engine", "--plan", "--image", "1.4", "scale", "-"])))
def test_what_is_seen_is_seen_the_same_way_again(words: list[str]) -> None:
    once = with_flags(words, CONTEXTS)
    assert with_flags(once, CONTEXTS) == once
    assert [word for word in once if word != "--service"] == [word for word in words if word != "--service"]
