"""What the policy of this repository finds of seeded violations, and in commits of its history."""

from __future__ import annotations

from collections import Counter

import pytest
from scripts.guardrails_proof.agreed import false_positives, read_agreed
from scripts.guardrails_proof.git_objects import git_objects
from scripts.guardrails_proof.history import Commit, HistoricFinding, is_shallow, judge_commits, last_commits
from scripts.guardrails_proof.page import page
from scripts.guardrails_proof.seeds import Seed, Seeded, judge_seeds, read_seeds
from tests.unit.repository import CHECKOUT

from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.git_files import work_tree
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.model import Match, Violation
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.repository import today
from optimus_ops.guardrails.sources import in_memory
from optimus_ops.reports.place import Place

RECALL = 0.99
JUDGED_COMMITS = 3
POLICY = """
version: 1
sources: [src]
rules:
  - {id: prints, kind: calls, files: ["**/*.py"], calls: print, message: m, why: w, mend: m}
"""


@pytest.fixture(scope="module")
def judge() -> Judge:
    cache = ParseCache(CHECKOUT / ".optimus" / "guardrails")
    return Judge(parse_policy((CHECKOUT / "policy.yaml").read_text("utf-8")), cache, today())


def test_seeded_violations_of_this_repository_are_found(judge: Judge) -> None:
    seeds = read_seeds()
    kinds = Counter(seed.kind for seed in seeds)
    assert len(kinds) >= 40
    assert set(kinds.values()) == {5}
    missed = [each for each in judge_seeds(judge, work_tree(CHECKOUT), seeds) if not each.found]
    assert len(missed) <= (1 - RECALL) * len(seeds), missed


def test_commits_of_this_repository_hold_no_false_positive(judge: Judge) -> None:
    if is_shallow(CHECKOUT):
        pytest.skip("a shallow clone has no history to judge: git fetch --unshallow")
    with git_objects(CHECKOUT) as objects:
        found = list(judge_commits(CHECKOUT, objects, judge, last_commits(CHECKOUT, JUDGED_COMMITS)))
    assert [str(each.violation.reported) for each in false_positives(found, read_agreed())] == []


def seeded(edit: str, before: str = "x = 1\n") -> Seeded:
    judge = Judge(parse_policy(POLICY), ParseCache(), today())
    (result,) = judge_seeds(judge, in_memory({"src/a.py": before}), [Seed("kind", "prints", 1, {"src/a.py": edit})])
    return result


@pytest.mark.parametrize(
    ("edit", "line", "found"),
    [
        ("y = 1\nprint(1)  # HERE\n", 3, True),
        ("print(1)\nx = 2  # HERE\n", 3, False),
        ("y = 1  # HERE\n", 2, False),
        ("REPLACE x = 1 WITH print(1)  # HERE", 1, True),
        ("TIMES 9 y = 1\nprint(1)  # HERE\n", 11, True),
        ("PAD 5\nprint(1)  # HERE\n", 7, True),
    ],
)
def test_a_seed_is_found_at_its_own_line_alone(edit: str, line: int, found: bool) -> None:
    assert (seeded(edit).line, seeded(edit).found) == (line, found)


def test_what_nobody_agreed_to_is_a_false_positive() -> None:
    (agreed, *_) = read_agreed()
    match = Match(Place(agreed.files[0], 1), 0, "")
    right, other = (
        HistoricFinding(Commit("1", "2", subject), Violation(agreed.rule, "error", "m", match))
        for subject in (agreed.commit, "another commit")
    )
    assert false_positives([right, other], (agreed,)) == [other]
    text = page((seeded("print(1)  # HERE\n"), seeded("y = 1  # HERE\n")), (right, other), (agreed,), 7, today())
    assert "1 of 2 are told" in text
    assert "- kind, spelling 1 (`prints`)" in text
    assert "The last 7 commits" in text
    assert "2 findings, 1 of them agreed to be right, **1 false positives**" in text
