"""Making fallback images: from packages, in order, once, and with one message where it fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.engine import FakeEngine
from tests.fakes.host import Call

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.images import rootfs
from optimus_ops.images.fallback_catalogue import ROOT_IMAGE
from optimus_ops.images.fallback_images import ensure_fallbacks
from optimus_ops.project.settings import Project, load_project
from optimus_ops.system.process import CommandFailed, Completed

Install = Callable[[str, str], Path]
MAKES_A_TAR = 'for path; do case $path in */root.tar) tar -cf "$path" --files-from=/dev/null;; esac; done'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with recipes, on a host that has a mirror and no mmdebstrap."""
    for name in ("nginx", "redis", "qryn"):
        (tmp_path / "compose/airgap" / name).mkdir(parents=True)
        (tmp_path / "compose/airgap" / name / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "bin").mkdir()
    for name in ("chmod", "sh", "tar", "touch"):
        found = next(Path(folder, name) for folder in ("/usr/bin", "/bin") if Path(folder, name).exists())
        (tmp_path / "bin" / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("OPTIMUS_DEBIAN_MIRROR", "http://mirror.example/debian")
    monkeypatch.setattr(rootfs, "DEBIAN_KEYRING", str(tmp_path / "keyring.gpg"))
    return load_project(tmp_path, {})


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Return what puts a program on the path: a line of shell, by its name."""

    def install(name: str, line: str) -> Path:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    return install


@pytest.fixture
def debian(project: Project, install: Install) -> Project:
    """Return the project on a host with mmdebstrap and Debian's keys."""
    install("mmdebstrap", f"echo 'I: running apt-get update...' >&2; {MAKES_A_TAR}")
    (project.root / "keyring.gpg").touch()
    return project


def test_fallbacks_are_made_on_one_root_file_system_named_for_compose_and_then_current(debian: Project) -> None:
    engine, told = FakeEngine(), list[str]()
    made = ensure_fallbacks(engine, debian, ["redis:8", "nginx:1"], told.append)
    assert made == {"NGINX_IMAGE": "optimus-standin/nginx:1.30", "REDIS_IMAGE": "optimus-standin/redis:8"}
    assert set(engine.images([ROOT_IMAGE, *made.values()])) == {ROOT_IMAGE, *made.values()}
    assert "REDIS_IMAGE=optimus-standin/redis:8" in (debian.root / "compose/.env").read_text()
    assert told[-1].startswith("nginx, redis: made; from Debian's testing release")
    assert told[-1].endswith(": nginx")

    before = dict(engine.known_images)
    ensure_fallbacks(engine, debian, ["redis:8"], told.append)
    assert (told[-1], engine.known_images) == ("redis: current", before)


def test_where_stores_of_traces_are_made_there_is_no_grafana_and_none_to_be_pulled(debian: Project) -> None:
    made = ensure_fallbacks(FakeEngine(), debian, ["grafana/grafana:13.2.1", "grafana/tempo:3.0.3"], lambda _: None)
    assert made == {
        "TEMPO_IMAGE": "optimus-standin/qryn:3.2",
        "LOKI_IMAGE": "optimus-standin/qryn:3.2",
        "GRAFANA_REPLICAS": "0",
        "GRAFANA_IMAGE": ROOT_IMAGE,
    }
    assert "GRAFANA_REPLICAS=0" in (debian.root / "compose/.env").read_text()


def test_a_changed_recipe_is_made_anew_on_the_root_file_system_that_is_there(debian: Project) -> None:
    engine, told = FakeEngine(), list[str]()
    ensure_fallbacks(engine, debian, ["redis:8"], told.append)
    root = engine.images([ROOT_IMAGE])
    (debian.root / "compose/airgap/redis/Dockerfile").write_text("FROM scratch\nUSER 1\n")
    ensure_fallbacks(engine, debian, ["redis:8"], told.append)
    assert told[-1] == "redis: made"
    assert engine.images([ROOT_IMAGE]) == root
    ensure_fallbacks(engine, debian, ["redis:8"], told.append, refresh=True)
    assert engine.images([ROOT_IMAGE]) != root


def test_without_mmdebstrap_and_without_apt_the_packages_to_install_are_named(project: Project) -> None:
    with pytest.raises(MissingPrerequisite) as missing:
        ensure_fallbacks(FakeEngine(), project, ["redis:8"], lambda _: None)
    assert "apt-get install mmdebstrap" in str(missing.value.hint)
    assert not (project.root / "compose/.env").exists()


def test_mmdebstrap_is_installed_after_the_package_lists_where_these_are_old(
    project: Project, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    calls, lists, keys = (project.root / name for name in ("calls", "lists", "keyring.gpg"))
    installed = install("mmdebstrap", MAKES_A_TAR)
    installed.chmod(0o644)  # it is on no path yet
    install(
        "apt-get",
        f"echo $1 >> {calls}; case $1 in update) touch {lists}; exit;; esac; "
        f"[ -e {lists} ] || exit 100; chmod 755 {installed}; touch {keys}",
    )
    told = list[str]()
    ensure_fallbacks(FakeEngine(), project, ["redis:8"], told.append)
    assert told[-1] == "redis: made"
    assert calls.read_text().split() == ["install", "update", "install"]


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("E: Unable to fetch", "Unable to fetch"),
        ("write: No space left on device", "no space is left on the disk"),
    ],
)
def test_a_root_file_system_that_can_not_be_made_has_its_cause(
    debian: Project, install: Install, printed: str, said: str
) -> None:
    install("mmdebstrap", f"echo '{printed}' >&2; exit 25")
    engine = FakeEngine()
    with pytest.raises(OpsError, match=said):
        ensure_fallbacks(engine, debian, ["redis:8"], lambda _: None)
    assert not engine.known_images


def test_an_engine_that_goes_away_during_a_build_is_named_as_the_cause(debian: Project) -> None:
    engine = FakeEngine()

    def go(call: Call) -> None:
        if (call.name, call.phase) == ("bake", "amid"):
            engine.gone = True
            raise CommandFailed(Completed(("docker", "buildx", "bake"), 1, "", "EOF"))

    engine.hook = go
    with pytest.raises(MissingPrerequisite, match="stopped answering while optimus-standin/redis:8 was made"):
        ensure_fallbacks(engine, debian, ["redis:8"], lambda _: None)
    assert not (debian.root / "compose/.env").exists()
