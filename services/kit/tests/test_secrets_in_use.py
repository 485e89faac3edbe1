"""What each process says of the secrets that it uses, and what the script makes of it."""

import hashlib
import hmac
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimus_kit import secrets_in_use
from optimus_kit.secrets_in_use import KEY, SecretsInUse, processes

VALUES = {KEY: "fingerprint-key", "REDIS_PASSWORD": "canary-value"}
EXPECTED = hmac.new(b"fingerprint-key", b"REDIS_PASSWORD\0canary-value", hashlib.sha256).hexdigest()


def printed(folder: Path) -> dict[str, Any]:
    """What the script prints, run as in a container: isolated, without site-packages."""
    words = [sys.executable, "-I", "-S", secrets_in_use.__file__]
    output = subprocess.run(words, env={"TMPDIR": str(folder.parent)}, capture_output=True, check=True, text=True)
    assert not output.stderr
    document: dict[str, Any] = json.loads(output.stdout)
    return document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets-in-use"


def test_a_process_reports_fingerprints_and_never_values(folder: Path) -> None:
    SecretsInUse(folder).report(VALUES)
    assert printed(folder) == {"processes": [{"pid": os.getpid(), "secrets": {"REDIS_PASSWORD": EXPECTED}}]}
    (file,) = folder.iterdir()
    assert "canary" not in file.read_text() + file.name
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)


def test_a_report_takes_the_place_of_the_one_before(folder: Path) -> None:
    in_use = SecretsInUse(folder)
    in_use.report(VALUES | {"OLD": "x"})
    in_use.report(VALUES)
    assert [entry["secrets"] for entry in processes(folder)] == [{"REDIS_PASSWORD": EXPECTED}]
    assert len(list(folder.iterdir())) == 1


def test_without_a_key_a_process_says_nothing(folder: Path) -> None:
    in_use = SecretsInUse(folder)
    in_use.report({"REDIS_PASSWORD": "x"})
    assert printed(folder) == {"processes": []}
    in_use.report(VALUES)
    in_use.report({"REDIS_PASSWORD": "x"})
    assert printed(folder) == {"processes": []}


def test_only_processes_that_live_are_listed(folder: Path) -> None:
    in_use = SecretsInUse(folder)
    in_use.report(VALUES)
    mine = folder / f"{os.getpid()}.json"
    with subprocess.Popen(["true"]) as ended:
        pass
    (folder / f"{ended.pid}.json").write_text(mine.read_text().replace(str(os.getpid()), str(ended.pid)))
    assert [entry["pid"] for entry in processes(folder)] == [os.getpid()]
    # An earlier process had this one's id.
    document = json.loads(mine.read_text())
    mine.write_text(json.dumps(document | {"started": document["started"] - 1}))
    assert list(processes(folder)) == []
    SecretsInUse(folder).report(VALUES)
    assert [path.name for path in folder.iterdir()] == [mine.name]


def test_a_zombie_is_no_process_that_lives(folder: Path) -> None:
    SecretsInUse(folder).report(VALUES)
    mine = folder / f"{os.getpid()}.json"
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    started = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19]
    (folder / f"{child}.json").write_text(json.dumps({"pid": child, "started": int(started), "secrets": {}}))
    try:
        assert [entry["pid"] for entry in processes(folder)] == [os.getpid()]
    finally:
        os.waitpid(child, 0)
    assert mine.exists()


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_folder_of_others_is_not_written_into(folder: Path, tmp_path: Path, kind: str) -> None:
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        SecretsInUse(folder).report(VALUES)
    assert list(folder.iterdir()) == []
