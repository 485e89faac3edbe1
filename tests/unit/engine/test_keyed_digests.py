"""Keyed digests of what containers are given."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.engine.keyed_digests import (
    LARGE,
    Key,
    digests,
    files_of,
    is_configuration,
    split_secrets,
    written_after,
)
from optimus_ops.model.container_inputs import ContainerInput

KEY = Key(b"k" * 32)


def of_path(path: Path) -> str:
    thing = ContainerInput("configuration", path.name, path=str(path))
    return digests([thing], KEY, {})[thing.key]


@given(one=st.lists(st.binary(max_size=4), max_size=3), other=st.lists(st.binary(max_size=4), max_size=3))
def test_two_digests_are_equal_where_what_they_are_of_is(one: list[bytes], other: list[bytes]) -> None:
    assert (KEY.digest(*one) == KEY.digest(*other)) is (one == other)


def test_a_short_secret_can_not_be_guessed_without_the_key() -> None:
    pin = ContainerInput("secret", "pin", content="1234")
    found = digests([pin], KEY, {})["secret pin"]
    assert not hashlib.sha256(b"1234").hexdigest().startswith(found)
    assert digests([pin], Key(b"x" * 32), {})["secret pin"] != found
    assert "kkkk" not in repr(KEY)


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "configs" / "shop.key"
    assert Key.read(path) is None
    made = Key.made(path)
    assert Key.made(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("short")
    assert Key.read(path) is None


def test_a_variable_is_looked_up() -> None:
    token = ContainerInput("secret", "token", variable="TOKEN")
    one, other = (digests([token], KEY, {"TOKEN": value})["secret token"] for value in ("a", "b"))
    assert one != other


def test_each_file_of_a_folder_counts_and_so_does_its_name(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text("a")
    seen = {of_path(tmp_path)}
    (tmp_path / "conf.d" / "b.conf").write_text("b")
    seen.add(of_path(tmp_path))
    (tmp_path / "conf.d" / "b.conf").rename(tmp_path / "conf.d" / "c.conf")
    seen.add(of_path(tmp_path))
    (tmp_path / "conf.d" / "a.conf").unlink()
    seen.add(of_path(tmp_path))
    assert len(seen) == 4


def test_a_file_that_is_gone_is_another_one_than_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    empty = of_path(tmp_path / "empty")
    (tmp_path / "empty").unlink()
    assert of_path(tmp_path / "empty") != empty


def test_a_large_file_is_compared_by_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with path.open("wb") as file:
        file.truncate(LARGE + 1)
    before = of_path(path)
    os.utime(path, (1, 1))
    assert of_path(path) != before


@pytest.mark.parametrize("path", ["/", "/proc", "/sys/fs/cgroup", "/dev/null", "/var/run", "/var/lib/docker/volumes"])
def test_what_is_mounted_to_be_watched_is_no_configuration(path: str) -> None:
    assert not is_configuration(Path(path))
    assert digests([ContainerInput("configuration", "x", path=path)], KEY, {}) == {}


def test_a_socket_is_no_configuration(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        assert not is_configuration(tmp_path / "docker.sock")


def test_projected_secrets_are_told_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "secrets" / "ai"
    folder.mkdir(parents=True)
    for name in ("TOKEN", "KEY", ".optimus-secrets"):
        (folder / name).write_text(name)
    mounted = ContainerInput("configuration", "ai", path=str(folder), target="/run/secrets")
    found = split_secrets([mounted, ContainerInput("definition", "command", content="x")], tmp_path / "secrets")
    assert [(thing.kind, thing.name) for thing in found] == [
        ("secret", "KEY"),
        ("secret", "TOKEN"),
        ("definition", "command"),
    ]


def test_files_are_known_by_when_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (100, 100))
    mounted = ContainerInput("configuration", "conf", path=str(tmp_path))
    assert written_after(mounted, 99)
    assert not written_after(mounted, 101)
    assert files_of(tmp_path) == [tmp_path / "a"]


def test_a_folder_with_one_file_is_called_by_that_file(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    mounted = ContainerInput("configuration", "config", path=str(folder), target="/etc/config")
    names = []
    for file in ("tenants.yaml", "more.yaml"):
        (folder / file).write_text("x")
        names += [found.name for found in split_secrets([mounted], tmp_path / "secrets")]
    assert names == ["tenants.yaml", "config"]


def test_a_path_that_leads_through_a_file_has_a_digest_and_another_one_than_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "below").write_text("")
    through = tmp_path / "below" / "below"
    missing = tmp_path / "missing" / "below"
    assert of_path(through) == of_path(through)
    assert of_path(through) != of_path(missing)
