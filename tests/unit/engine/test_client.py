"""Which engine is asked, and how it is told that it can't be."""

from __future__ import annotations

import json
import socket
from hashlib import sha256
from pathlib import Path

import pytest

from optimus_ops.engine.client import address_of, engine_client, unreachable
from optimus_ops.errors import MissingPrerequisite, Refused


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the `docker` command line be configured by nothing but this folder."""
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    return folder


def make_context(folder: Path, name: str, host: str) -> None:
    meta = folder / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    described = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (meta / "meta.json").write_text(json.dumps(described))


def test_a_context_that_does_not_exist_is_refused_with_those_that_do(no_configuration: Path) -> None:
    make_context(no_configuration, "build", "tcp://127.0.0.1:1")
    with pytest.raises(Refused) as raised:
        engine_client(timeout=1, environ={"DOCKER_CONTEXT": "biuld"})
    assert "no context 'biuld'" in raised.value.message
    assert "build" in (raised.value.hint or "")


def test_a_current_context_that_is_gone_is_refused(no_configuration: Path) -> None:
    (no_configuration / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(Refused, match="current context"):
        engine_client(timeout=1, environ={})


def test_the_context_s_engine_is_asked_and_not_the_local_one(no_configuration: Path) -> None:
    make_context(no_configuration, "build", "unix:///nonexistent/build.sock")
    (no_configuration / "config.json").write_text('{"currentContext": "build"}')
    with pytest.raises(MissingPrerequisite, match="context build"):
        engine_client(timeout=1, environ={})


def test_docker_host_goes_before_a_context() -> None:
    environ = {"DOCKER_HOST": "unix:///nonexistent.sock", "DOCKER_CONTEXT": "nope"}
    assert address_of(environ) == "unix:///nonexistent.sock"
    with pytest.raises(MissingPrerequisite, match="No such file"):
        engine_client(timeout=1, environ=environ)


def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        host = f"tcp://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(MissingPrerequisite, match=f"{host} .Connection refused"):
            engine_client(timeout=5, environ={"DOCKER_HOST": host})


@pytest.mark.parametrize("host", ["nonsense://x", "tcp://x:port", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="address"):
        engine_client(timeout=1, environ={"DOCKER_HOST": host})


def test_missing_permission_is_said_as_such() -> None:
    error = ConnectionError("aborted", PermissionError(13, "Permission denied"))
    said = unreachable(error, {})
    assert said.message == "no permission to use the Docker engine at the local socket"
    assert "usermod -aG docker" in (said.hint or "")


def test_a_context_that_can_t_be_read_is_refused_by_its_name(no_configuration: Path) -> None:
    make_context(no_configuration, "build", "tcp://127.0.0.1:1")
    [meta] = no_configuration.glob("contexts/meta/*/meta.json")
    meta.write_text("{")
    with pytest.raises(Refused, match="DOCKER_CONTEXT: context 'build' can't be read"):
        engine_client(timeout=1, environ={"DOCKER_CONTEXT": "build"})


def test_errors_that_name_each_other_as_their_cause_end_in_one_reason() -> None:
    inner = ConnectionRefusedError(111, "Connection refused")
    outer = ConnectionError("aborted", inner)
    inner.__cause__ = outer
    assert "(Connection refused)" in unreachable(outer, {"DOCKER_HOST": "tcp://a:1"}).message
