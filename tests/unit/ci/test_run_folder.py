"""Folders of runs: what stays, and for how long."""

import os
from pathlib import Path

from optimus_ops.ci.run_folder import ABANDONED_SECONDS, make_run_folder, remove_old_runs


def run(state: Path, run_id: str, *, finished: bool, written: float) -> None:
    folder = state / "ci" / run_id
    folder.mkdir(parents=True)
    (state / "artifacts" / run_id).mkdir(parents=True)
    if finished:
        (folder / "ci-run.json").touch()
    os.utime(folder, (written, written))


def test_the_newest_runs_stay_and_those_under_way(tmp_path: Path) -> None:
    now = 10 * ABANDONED_SECONDS
    for day in (1, 2, 3):
        run(tmp_path, f"2026010{day}-000000-aaaa", finished=True, written=now)
    run(tmp_path, "20260101-000001-cccc", finished=False, written=now - 60)
    run(tmp_path, "20260101-000002-dddd", finished=False, written=now - ABANDONED_SECONDS - 1)
    (tmp_path / "ci" / "home").mkdir()
    removed = {"20260101-000000-aaaa", "20260101-000002-dddd"}
    assert set(remove_old_runs(tmp_path, now, keep=2)) == removed
    left = {"20260101-000001-cccc", "20260102-000000-aaaa", "20260103-000000-aaaa"}
    assert {path.name for path in (tmp_path / "ci").iterdir()} == {*left, "home"}
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == left


def test_log_and_artifacts_stay_after_a_run(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path)
    for path in (folder.checkout, folder.workspaces, folder.others):
        path.mkdir()
    folder.log.touch()
    (folder.artifacts / "a").touch()
    folder.tidy()
    assert [path.name for path in folder.path.iterdir()] == ["act.jsonl"]
    assert (folder.artifacts / "a").is_file()


def test_of_a_run_that_did_not_begin_only_the_home_stays(tmp_path: Path) -> None:
    make_run_folder(tmp_path).discard()
    assert [path.name for path in (tmp_path / "ci").iterdir()] == ["home"]
    assert not any((tmp_path / "artifacts").iterdir())
