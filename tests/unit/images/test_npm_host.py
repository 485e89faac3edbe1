from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.images.known_secrets import host_passwords
from optimus_ops.images.npm_host import npm_configuration, npm_files
from optimus_ops.images.package_hosts import package_secrets

REGISTRY = "https://packages.example/npm/"


def test_a_host_without_a_registry_of_its_own_has_nothing_to_tell() -> None:
    assert npm_configuration({}, ["fund=false\naudit=false\n; registry=https://a.example\n"]) == ""


def test_the_registry_reaches_builds_with_its_credentials() -> None:
    text = (
        f"registry = {REGISTRY}\n@acme:registry=https://acme.example/\n//packages.example/npm/:_authToken=${{TOKEN}}\n"
    )
    assert npm_configuration({"TOKEN": "t0ken"}, [text]).splitlines() == [
        f"registry={REGISTRY}",
        "@acme:registry=https://acme.example/",
        "//packages.example/npm/:_authToken=t0ken",
    ]


def test_what_a_container_can_not_reach_is_left_out() -> None:
    text = "registry=http://localhost:4873/\nproxy=http://127.0.0.1:3128\n//packages.example/:keyfile=/etc/key.pem\n"
    assert npm_configuration({}, [text]) == ""


def test_the_environment_wins_over_files_and_later_files_over_earlier_ones() -> None:
    files = ["registry=https://a.example/\n", "registry=https://b.example/\nstrict-ssl=false\n"]
    assert npm_configuration({}, files) == "registry=https://b.example/\nstrict-ssl=false\n"
    assert npm_configuration({"NPM_CONFIG_REGISTRY": REGISTRY}, files).startswith(f"registry={REGISTRY}\n")


@given(st.text())
def test_a_malformed_file_does_no_harm(text: str) -> None:
    assert f"registry={REGISTRY}\n" in npm_configuration({"npm_config_registry": REGISTRY}, [text])


def test_the_files_are_those_that_npm_reads() -> None:
    assert npm_files({}, Path("/home/someone"))[-1] == Path("/home/someone/.npmrc")
    named = {"npm_config_userconfig": "/x/npmrc", "NPM_CONFIG_GLOBALCONFIG": "/y/npmrc"}
    assert npm_files(named, Path("/home/someone")) == (Path("/y/npmrc"), Path("/x/npmrc"))


def test_the_secrets_of_a_build_come_from_the_files_of_the_host_and_are_known_as_secrets(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text(f"registry={REGISTRY}\n//packages.example/npm/:_authToken=t0ken\n")
    environ = {"PIP_INDEX_URL": "https://me:pa55word@packages.example/simple", "PIP_CONFIG_FILE": "/dev/null"}
    environ["npm_config_userconfig"] = str(tmp_path / ".npmrc")
    secrets = package_secrets(environ, tmp_path)
    assert "index-url = https://me:pa55word@packages.example/simple" in secrets["pip_conf"]
    assert "_authToken=t0ken" in secrets["npm_conf"]
    assert set(host_passwords(environ)) == {"t0ken", "pa55word"}
