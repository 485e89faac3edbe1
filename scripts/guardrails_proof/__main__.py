"""`python -m scripts.guardrails_proof [--commits 200]`: judge seeds and history, and write docs/guardrails-proof.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.guardrails_proof.agreed import false_positives, read_agreed
from scripts.guardrails_proof.git_objects import git_objects
from scripts.guardrails_proof.history import is_shallow, judge_commits, last_commits
from scripts.guardrails_proof.page import page
from scripts.guardrails_proof.seeds import judge_seeds, read_seeds

from optimus_ops.guardrails.git_files import work_tree
from optimus_ops.guardrails.repository import open_repository, today

PAGE = Path("docs/guardrails-proof.md")


def main() -> int:
    """Write the page; 1 where something is found that nobody agreed to."""
    parser = argparse.ArgumentParser(prog="python -m scripts.guardrails_proof")
    parser.add_argument("--commits", type=int, default=200, help="how many commits are judged (200)")
    count = parser.parse_args().commits
    repository = open_repository()
    root, judge = repository.root, repository.judge
    seeded = judge_seeds(judge, work_tree(root), read_seeds())
    if is_shallow(root):
        print("the history is shallow: git fetch --unshallow", file=sys.stderr)
        return 2
    commits = last_commits(root, count)
    with git_objects(root) as objects:
        found = tuple(judge_commits(root, objects, judge, commits))
    repository.cache.write()
    agreed = read_agreed()
    (root / PAGE).write_text(page(seeded, found, agreed, len(commits), today()), "utf-8")
    print(
        f"wrote {PAGE}: {sum(each.found for each in seeded)} of {len(seeded)} seeds, {len(found)} findings in commits"
    )
    wrong = false_positives(found, agreed)
    for each in wrong:
        print(f"{each.commit.name[:12]} {each.commit.subject}\n    {each.violation.reported}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
