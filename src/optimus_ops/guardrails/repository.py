"""What a checkout has for guardrails: policy, baseline, cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.guardrails.baseline import FILE as BASELINE_FILE
from optimus_ops.guardrails.baseline import Baseline, parse_baseline
from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.git_commit import Commit
from optimus_ops.guardrails.git_files import work_tree
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.policy import FILE, Policy, check_patterns, parse_policy
from optimus_ops.guardrails.sources import Snapshot
from optimus_ops.project.settings import ROOT_VARIABLE, find_root

PATTERNS = "patterns"
EXAMPLE = "write one: docs/guardrails.md of optimus-ops has an example"


@dataclass(frozen=True)
class Repository:
    """A checkout with a policy."""

    root: Path
    policy: Policy
    cache: ParseCache

    @property
    def state(self) -> Path:
        """The folder for what is kept of the checkout, which git doesn't know."""
        return _state(self.root)

    @property
    def judge(self) -> Judge:
        """What judges by the policy, today."""
        return Judge(self.policy, self.cache, today())

    def baseline(self) -> Baseline:
        """Return the known violations; none where there is no file."""
        path = self.root / BASELINE_FILE
        return parse_baseline(_text(path, BASELINE_FILE)) if os.path.lexists(path) else ()


def open_repository(read: Callable[[str], Policy] = parse_policy, cache: ParseCache | None = None) -> Repository:
    """Return the checkout that tasks work on.

    Args:
        read: makes a policy of its text.
        cache: what was parsed before; that of the checkout if not given.

    Raises:
        Refused: it has no policy, or one with a mistake.
    """
    root = _root()
    path = root / FILE
    if not os.path.lexists(path):
        raise Refused(f"no {FILE} in {root}", EXAMPLE)
    return Repository(root, read(_text(path, FILE)), cache or _cache(root))


def checked_tree(repository: Repository) -> Snapshot:
    """Return the work tree, in which each pattern of the policy matches.

    Raises:
        Refused: the folder is no checkout, or a pattern matches nothing.
    """
    tree = work_tree(repository.root)
    names = hashlib.sha256("\0".join(tree.files).encode("utf-8", "surrogateescape")).hexdigest()
    key = f"{repository.policy.digest[:16]} {names[:32]}"
    # The same policy and the same names match the same.
    repository.cache.get(PATTERNS, key, lambda: check_patterns(repository.policy, tree.files))
    return tree


def open_commit(reference: str) -> tuple[Repository, Commit]:
    """Return a commit of the checkout, and the repository as it is there.

    Raises:
        Refused: there is no such commit, it has no policy, or one with a mistake.
    """
    root = _root()
    commit = Commit.of(root, reference)
    try:
        text = commit.text(FILE)
    except UnicodeDecodeError:
        raise Refused(f"{FILE} of {reference} is not UTF-8") from None
    if text is None:
        raise Refused(f"no {FILE} in {reference}", EXAMPLE)
    return Repository(root, parse_policy(text), _cache(root)), commit


def _root() -> Path:
    return Path(os.environ.get(ROOT_VARIABLE) or find_root(Path.cwd())).resolve()


def _state(root: Path) -> Path:
    return root / (os.environ.get("OPTIMUS_STATE_DIR") or ".optimus")


def _cache(root: Path) -> ParseCache:
    return ParseCache(_state(root) / "guardrails")


def today() -> date:
    """Return the day, in UTC, on which waivers and entries of the baseline hold."""
    return datetime.now(UTC).date()


def _text(path: Path, name: str) -> str:
    if path.is_symlink():
        raise Refused(f"{name} is a link: what it leads to may be outside of the checkout", "put the file itself there")
    if not path.is_file():
        raise Refused(f"{name} is no file", "put the file itself there")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None
