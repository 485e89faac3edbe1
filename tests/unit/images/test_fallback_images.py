from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest
from tests.fakes.engine import FakeEngine

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images import keyring
from optimus_ops.images.apt_host import kept_options, read_apt_host
from optimus_ops.images.apt_sources import Mirror
from optimus_ops.images.build_errors import essence
from optimus_ops.images.build_log import buildkit_progress
from optimus_ops.images.fallback_catalogue import FALLBACK_IMAGES, fallback_for, split
from optimus_ops.images.fallback_images import bake_file, ensure_fallbacks, one_at_a_time
from optimus_ops.images.rootfs import mmdebstrap_argv
from optimus_ops.project.settings import load_project

ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n{}\n{}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("redis:8.0-alpine", "redis"),
        ("docker.io/library/nginx:1.30-alpine", "nginx"),
        ("pgvector/pgvector:0.8.1-pg16", "postgres"),
        ("python@sha256:0123", "python"),
        ("optimus-standin/redis:8", "redis"),
        ("grafana/tempo:3.0.3@sha256:0123", "qryn"),
        ("grafana/loki:3.7.6", "qryn"),
        ("haproxy:3.0-alpine", "haproxy"),
        ("docker:28.3-cli", "docker-cli"),
    ],
)
def test_public_names_lead_to_their_fallback(image: str, folder: str) -> None:
    found = fallback_for(image)
    assert found is not None
    assert found.folder == folder


MIRROR = "http://mirror.example/debian/"


def test_an_image_of_another_registry_has_no_fallback() -> None:
    assert split(["mirror.example:5000/redis:8", "grafana/grafana:13"]) == (
        (),
        ("mirror.example:5000/redis:8", "grafana/grafana:13"),
    )


def test_an_image_without_a_fallback_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite, match="grafana/mimir:3"):
        ensure_fallbacks(FakeEngine(), load_project(tmp_path, {}), ["redis:8", "grafana/mimir:3"], lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    reported, order = list[str](), list[str]()
    waiting = threading.Event()

    def report(text: str) -> None:
        reported.append(text)
        waiting.set()

    def second() -> None:
        with one_at_a_time(tmp_path, report):
            order.append("second")

    with one_at_a_time(tmp_path, reported.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    assert reported == ["waiting for another run that makes them"]


def test_the_host_configuration_reaches_builds_as_secrets(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        f"deb [signed-by={tmp_path}/own.asc] https://mirror.example/debian bookworm main\n"
    )
    (tmp_path / "own.asc").write_text(ARMOUR.format("", base64.b64encode(b"key").decode()))
    (tmp_path / "auth.conf").write_text("machine mirror.example login me password secret\n")
    host = read_apt_host(tmp_path)
    secrets = host.secrets(newer=True)
    assert secrets["apt_keyring"] == b"key"
    assert secrets["apt_auth"] == b"machine mirror.example login me password secret\n"
    assert b"signed-by=/run/secrets/apt_keyring.gpg," in secrets["apt_sources"]
    assert secrets["apt_sources"].count(b"https://mirror.example/debian forky main") == 1
    assert b"forky" not in host.secrets(newer=False)["apt_sources"]


def test_a_host_without_a_mirror_of_debian_lacks_one(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite, match="no mirror of Debian"):
        read_apt_host(tmp_path / "none")


def test_the_operator_can_name_a_mirror(tmp_path: Path) -> None:
    host = read_apt_host(tmp_path / "none", MIRROR)
    assert host.mirror == Mirror("http://mirror.example/debian", "http://mirror.example/debian-security")


def test_only_options_about_reaching_a_mirror_are_taken_over() -> None:
    kept = ['Acquire::http::Proxy "http://proxy.example:3128";', 'Acquire::Check-Valid-Until "false";']
    left = ['Acquire::https::CaInfo "/etc/x.pem";', 'Dir::Cache "var/cache/apt";', 'Acquire::https::Proxy "";', "APT;"]
    assert kept_options("\n".join([*kept, *left])) == tuple(kept)


@pytest.mark.parametrize("headers", ["", "Comment: a key\nVersion: 1\n"])
def test_armoured_keys_are_unwrapped(headers: str) -> None:
    text = ARMOUR.format(headers, base64.b64encode(bytes(range(256))).decode())
    assert keyring.load(text) == bytes(range(256))


def test_a_binary_keyring_stays_as_it_is() -> None:
    assert keyring.binary(b"\x99\x02\r\n\n") == b"\x99\x02\r\n\n"


def test_the_root_file_system_names_no_mirror(tmp_path: Path) -> None:
    argv = mmdebstrap_argv(read_apt_host(tmp_path, MIRROR), tmp_path / "sources.list", tmp_path / "root.tar", None)
    hook = next(word for word in argv if word.startswith("--customize-hook="))
    assert "etc/apt/sources.list" in hook
    assert argv[-3:] == ("trixie", str(tmp_path / "root.tar"), str(tmp_path / "sources.list"))


def test_a_bake_builds_what_is_stale_and_labels_it(tmp_path: Path) -> None:
    fallback = FALLBACK_IMAGES[0]
    described = bake_file(tmp_path, {fallback: "abc"}, {fallback: ("id=x,src=/x",)}, {"HTTP_PROXY": "p"})
    target = described["target"][fallback.folder]
    assert described["group"]["default"]["targets"] == [fallback.folder]
    assert target["tags"] == [fallback.image]
    assert target["labels"] == {"com.optimus.source": "abc"}
    assert target["secret"] == ["id=x,src=/x"]


def test_progress_names_the_image_that_is_under_way() -> None:
    tell = buildkit_progress()
    lines = [
        "#9 [postgres 2/3] RUN x",
        "#9 1.25 Setting up libpq5:amd64 (17.5) ...",
        "#9 DONE 2.0s",
        "#3 naming to docker.io/a/b:1 done",
    ]
    assert [tell(line) for line in lines] == [
        "postgres 2/3 RUN",
        "postgres 2/3: setting up libpq5",
        None,
        "a/b:1 is made",
    ]


def test_the_essence_of_a_log_is_its_last_telling_lines() -> None:
    echoed = ["------", "  12 | >>> RUN x", "Dockerfile:12", "", "#6 CANCELED"]
    log = ["#5 0.3 E: Unable to locate package nonesuch", *echoed, "ERROR: exit code 100"]
    assert essence("\n".join(log)) == ("E: Unable to locate package nonesuch", "ERROR: exit code 100")
