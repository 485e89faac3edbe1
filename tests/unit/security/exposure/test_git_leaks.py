"""A secret is found wherever git may keep it, with the commit that brought it there, and its value is never shown."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.security.conftest import GIT, Repository

from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.git_leaks import git_leaks
from optimus_ops.security.exposure.known_values import KnownSecret, known_values
from optimus_ops.security.exposure.matcher import CHUNK, Matcher
from optimus_ops.security.model import CouldNotRun, ScanFinding

CANARY = "Qm4zT7vW" + "1xB9nR5kLc8Yp2"


def look(root: Path, *secret_files: Path) -> list[ScanFinding]:
    matcher = Matcher.of(known_values([KnownSecret("API_TOKEN", Secret(CANARY))]))
    found = list(git_leaks(root, secret_files, matcher).findings)
    assert CANARY not in repr(found)
    return found


def values(root: Path) -> list[tuple[str, str]]:
    """Return place and message of each known value that was found."""
    named = {"git/secret-value", "git/folder-secret-value"}
    return [(str(finding.place), finding.message) for finding in look(root) if finding.id in named]


def committed(repository: Repository) -> str:
    return repository.commit("conf/app.yml", f"a: 1\ntoken: {CANARY}\n")


def gone(repository: Repository, commit: str) -> None:
    """Take a commit out of every ref and reflog, and keep it in the store."""
    repository.git("reset", "--quiet", "--hard", f"{commit}~")
    repository.git("reflog", "expire", "--expire=now", "--all")


def test_a_clean_repository_has_no_finding(repository: Repository) -> None:
    assert look(repository.root) == []


def test_a_value_in_a_file_is_told_with_the_commit_that_introduced_it_and_its_line(repository: Repository) -> None:
    first = committed(repository)
    repository.commit("other", "later")
    repository.git("mv", "conf/app.yml", "conf/renamed.yml")
    repository.git("commit", "--quiet", "--message", "rename")
    assert values(repository.root) == [
        ("conf/app.yml:2", f"the value of API_TOKEN is in commit {first[:12]}"),
    ]


def test_many_versions_of_a_file_with_a_value_are_one_finding_at_the_first(repository: Repository) -> None:
    first = committed(repository)
    for number in range(3):
        repository.commit("conf/app.yml", f"a: {number}\n\ntoken: {CANARY}\n")
    (found,) = values(repository.root)
    message = f"the value of API_TOKEN is in commit {first[:12]}, and 3 more times in this file"
    assert found == ("conf/app.yml:2", message)


def test_a_template_of_a_file_of_secrets_may_be_committed(repository: Repository) -> None:
    repository.commit(".env.secrets.example", "A=\n")
    assert ids(repository) == set()


def test_a_value_that_was_deleted_and_packed_is_found(repository: Repository) -> None:
    first = committed(repository)
    repository.git("rm", "--quiet", "conf/app.yml")
    repository.git("commit", "--quiet", "--message", "away")
    repository.git("gc", "--quiet")
    assert values(repository.root) == [("conf/app.yml:2", f"the value of API_TOKEN is in commit {first[:12]}")]


def test_a_value_in_binary_content_is_found(repository: Repository) -> None:
    (repository.root / "data.bin").write_bytes(b"\0\1\2" * 9 + CANARY.encode() + b"\xff\xfe\0")
    repository.git("add", ".")
    repository.git("commit", "--quiet", "--message", "binary")
    assert [place.partition(":")[0] for place, _ in values(repository.root)] == ["data.bin"]


def test_a_value_across_the_pieces_of_a_large_blob_is_found(repository: Repository) -> None:
    (repository.root / "large").write_bytes(b"x" * (CHUNK - 7) + CANARY.encode() + b"y" * 1000)
    repository.git("add", ".")
    repository.git("commit", "--quiet", "--message", "large")
    assert [place for place, _ in values(repository.root)] == ["large"]


def dangling_blob(repository: Repository) -> None:
    command = [*GIT, "hash-object", "-w", "--stdin"]
    subprocess.run(command, cwd=repository.root, input=CANARY.encode(), check=True, capture_output=True)


def stash(repository: Repository) -> None:
    repository.write("README", f"{CANARY}\n")
    repository.git("stash", "--quiet")


def dropped_stash(repository: Repository) -> None:
    stash(repository)
    repository.git("stash", "drop", "--quiet")


def tag_message(repository: Repository) -> None:
    repository.git("tag", "--annotate", "v1", "--message", f"release with {CANARY}")


def dangling_tag(repository: Repository) -> None:
    tag_message(repository)
    repository.git("tag", "--delete", "v1")


def commit_message(repository: Repository) -> None:
    repository.git("commit", "--quiet", "--allow-empty", "--message", f"use {CANARY}")


def reflog_only(repository: Repository) -> None:
    first = committed(repository)
    repository.git("reset", "--quiet", "--hard", f"{first}~")


def unreachable(repository: Repository) -> None:
    gone(repository, committed(repository))


def file_name(repository: Repository) -> None:
    repository.commit(f"notes/{CANARY}.txt", "nothing")


def other_branch(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "feature")
    committed(repository)
    repository.git("switch", "--quiet", "main")


def merge(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "side")
    repository.commit("side", "1")
    repository.git("switch", "--quiet", "main")
    repository.commit("main", "1")
    repository.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    # Only the merge itself has it, and neither of its parents.
    repository.write("evil", CANARY)
    repository.git("add", ".")
    repository.git("commit", "--quiet", "--message", "merge")


def worktree(repository: Repository) -> None:
    repository.git("worktree", "add", "--quiet", "-b", "beside", "../beside")
    beside = Repository(repository.root.parent / "beside", repository.capsys)
    committed(beside)


def remote_address(repository: Repository) -> None:
    repository.git("remote", "add", "origin", f"https://me:{CANARY}@git.example/a.git")


def reflog_message(repository: Repository) -> None:
    commit_message(repository)
    gone(repository, "HEAD")
    (repository.root / ".git" / "logs" / "HEAD").write_text(f"0 1 me <me@example.com> 0 +0000\tcommit: use {CANARY}\n")


def submodule(repository: Repository) -> None:
    other = repository.root.parent / "other"
    other.mkdir()
    inner = Repository(other, repository.capsys)
    inner.git("init", "--quiet")
    committed(inner)
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "lib")
    repository.git("commit", "--quiet", "--message", "submodule")


KINDS: dict[Callable[[Repository], None], str] = {
    dangling_blob: "dangling blob",
    stash: "commit",
    dropped_stash: "which no ref reaches",
    tag_message: "message of tag v1",
    dangling_tag: "message of tag",
    commit_message: "message of commit",
    reflog_only: "which only a reflog reaches",
    unreachable: "which no ref reaches",
    file_name: "commit",
    other_branch: "commit",
    merge: "commit",
    worktree: "commit",
    remote_address: ".git/config",
    reflog_message: ".git/logs/HEAD",
    submodule: "of the submodule lib",
}


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_value_is_found_wherever_git_keeps_it(
    kind: Callable[[Repository], None], packed: bool, repository: Repository
) -> None:
    kind(repository)
    if packed:
        repository.git("repack", "-a", "-d", "--keep-unreachable", "--quiet")
    found = values(repository.root)
    assert [message for _, message in found if KINDS[kind] in message], found


@pytest.mark.parametrize("options", [["--depth=1"], ["--shared"], ["--mirror"]], ids=lambda options: options[0][2:])
def test_a_value_is_found_in_clones_that_lack_history_or_borrow_objects(
    options: list[str], repository: Repository
) -> None:
    committed(repository)
    repository.commit("later", "nothing")
    source = f"file://{repository.root}" if "--depth=1" in options else str(repository.root)
    clone = repository.root.parent / "clone"
    repository.git("clone", "--quiet", *options, source, str(clone))
    assert len(values(clone)) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [([], ""), (["--depth=1"], "shallow"), (["--filter=blob:none", "--no-checkout"], "partial")],
    ids=["whole", "shallow", "partial"],
)
def test_a_clone_that_lacks_a_part_of_the_history_is_not_said_to_be_clean(
    options: list[str], said: str, repository: Repository
) -> None:
    repository.commit("later", "nothing")
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = repository.root.parent / "clone"
    repository.git("clone", "--quiet", *options, f"file://{repository.root}", str(clone))
    missing = git_leaks(clone, (), Matcher.of(known_values([]))).missing
    assert said in missing
    assert bool(missing) is bool(said)


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_store_is_no_clean_one(packed: bool, repository: Repository) -> None:
    committed(repository)
    if packed:
        repository.git("repack", "-a", "-d", "--quiet")
    objects = repository.root / ".git" / "objects"
    damaged = next(path for path in objects.rglob("*") if path.is_file() and (path.suffix == ".pack" or not packed))
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:20])
    with pytest.raises(CouldNotRun, match="git"):
        look(repository.root)


def test_a_tracked_file_of_secrets_and_one_that_was_committed_once_are_found(repository: Repository) -> None:
    repository.commit(".env.secrets", "A=b\n")
    assert ("git/tracked-file", ".env.secrets") in ids(repository)
    repository.git("rm", "--quiet", ".env.secrets")
    repository.git("commit", "--quiet", "--message", "away")
    assert ("git/committed-file", ".env.secrets") in ids(repository)
    assert ("git/tracked-file", ".env.secrets") not in ids(repository)


def test_a_file_of_secrets_that_git_does_not_ignore_is_found(repository: Repository) -> None:
    path = repository.write(".env.secrets", "A=b\n")
    assert "git/not-ignored" in {found.id for found in look(repository.root, path)}
    repository.commit(".gitignore", ".env.secrets\n.env.secrets.*\n")
    assert look(repository.root, path) == []


def ids(repository: Repository) -> set[tuple[str, str]]:
    return {(found.id, found.place.file) for found in look(repository.root)}
