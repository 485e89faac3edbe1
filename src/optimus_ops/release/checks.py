"""Checks before a release: the tag, the version, the changelog and the locks say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from optimus_ops.checks.model import Check, Verdict
from optimus_ops.release.changelog import UNRELEASED, section_of
from optimus_ops.release.model import ReleaseFacts
from optimus_ops.release.version import newest_beside, tag_of

SHORT = 12


def release_checks(facts: ReleaseFacts, tag: str = "") -> Iterator[Check]:
    """Give a check for each thing that a release depends on; `tag` is the one that is being released, if one is."""
    yield _tag(facts, tag)
    yield _order(facts)
    yield _versions(facts)
    yield from _changelog(facts)
    yield _tree(facts)
    yield _branch(facts)
    yield from _locks(facts)


def _check(name: str, verdict: Verdict, found: str, hint: str = "") -> Check:
    return Check("release", name, verdict, found, hint)


def _tag(facts: ReleaseFacts, tag: str) -> Check:
    version, git = facts.settings.version, facts.git
    wanted = tag_of(version)
    if tag and tag != wanted:
        return _check(
            "tag", "failed", f"{tag}, and pyproject.toml says {version}", f"tag the commit that says so: {wanted}"
        )
    commit = git.tags.get(wanted)
    if commit is None:
        verdict: Verdict = "failed" if tag else "ok"
        return _check("tag", verdict, f"no tag {wanted} yet", f"git fetch --tags, or: git tag {wanted}" if tag else "")
    if commit != git.commit:
        return _check(
            "tag",
            "failed",
            f"{wanted} is {commit[:SHORT]}, and this is {git.commit[:SHORT]}",
            "a released version stays as it is: invoke release.prepare --bump patch",
        )
    return _check("tag", "ok", f"{wanted} is this commit")


def _order(facts: ReleaseFacts) -> Check:
    version = facts.settings.version
    latest = newest_beside(facts.git.tags, version)
    if latest is not None and latest > version:
        return _check("order", "failed", f"{latest} is released, and {version} is older", "take a newer version")
    return _check("order", "ok", f"after {latest}" if latest else "the first release")


def _versions(facts: ReleaseFacts) -> Check:
    version = str(facts.settings.version)
    others = {name: found for name, found in facts.versions.items() if found != version}
    if others:
        named = ", ".join(f"{name}: {found or 'none'}" for name, found in others.items())
        return _check("version", "failed", f"{version}, and {named}", f"invoke release.prepare {version} sets them")
    return _check("version", "ok", f"{version} in {1 + len(facts.versions)} file{'s' * bool(facts.versions)}")


def _changelog(facts: ReleaseFacts) -> Iterator[Check]:
    name, version = facts.settings.changelog, str(facts.settings.version)
    if facts.changelog is None:
        yield _check("changelog", "failed", f"there is no {name}", "## [Unreleased] begins it")
        return
    section, unreleased = section_of(facts.changelog, version), section_of(facts.changelog, UNRELEASED)
    if section is None or section.empty or not section.date:
        lacks = "has no section" if section is None else "has nothing in" if section.empty else "has no date at"
        yield _check("changelog", "failed", f"{name} {lacks} {version}", f"invoke release.prepare {version}")
    else:
        yield _check("changelog", "ok", f"{version} of {section.date}")
    if unreleased is not None and not unreleased.empty and section is not None:
        found = f"{name} has changes under Unreleased, and this release has them"
        yield _check("unreleased", "warning", found, f"move them to {version}, or tag the commit before them")


def _tree(facts: ReleaseFacts) -> Check:
    count = facts.git.uncommitted
    if count:
        return _check(
            "working tree", "failed", f"{count} uncommitted file{'s' * (count > 1)}", "commit, or: git stash -u"
        )
    return _check("working tree", "ok", "clean")


def _branch(facts: ReleaseFacts) -> Check:
    git = facts.git
    if not git.main:
        return _check(
            "branch",
            "failed",
            "there is no main branch here",
            "git fetch origin main (actions/checkout: fetch-depth: 0)",
        )
    if not git.on_main:
        return _check("branch", "failed", f"{git.commit[:SHORT]} is not part of {git.main}", "merge it first")
    return _check("branch", "ok", f"{git.commit[:SHORT]} is part of {git.main}")


def _locks(facts: ReleaseFacts) -> Iterator[Check]:
    if not facts.locked:
        patterns = ", ".join(facts.settings.locks)
        yield _check("locks", "warning", f"no file {patterns}", "[tool.optimus-ops.release] locks names them")
    for name, pinned in facts.locked.items():
        wrong = [
            *_unsatisfied(facts.settings.dependencies, pinned),
            *(f"{found} has no hash" for found in facts.unhashed[name]),
        ]
        if wrong:
            yield _check(name, "failed", "; ".join(wrong), "lock again: python3 scripts/lock.py")
        else:
            yield _check(name, "ok", f"{len(pinned)} distributions, pinned with hashes")


def _unsatisfied(dependencies: tuple[str, ...], pinned: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for requirement in map(Requirement, dependencies):
        versions = pinned.get(canonicalize_name(requirement.name), ())
        if not any(requirement.specifier.contains(Version(found), prereleases=True) for found in versions):
            yield f"{requirement} is not met by {', '.join(versions) or 'nothing'}"
